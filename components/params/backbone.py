"""Section `backbone`, and the contract between a backbone and what feeds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.params.base import Address, Section
from components.params.data import Digest


@dataclass(frozen=True)
class ImageSpec:
    """What a backbone of images wants to see: (3, size, size), each channel of 0…255 as (x - mean) / std."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class TextSpec:
    """What a backbone of texts wants to see: at most `size` token ids, of a vocabulary of so many."""

    size: int
    vocabulary: int


InputSpec = ImageSpec | TextSpec
Name = Literal["efficientnet_lite0", "minilm_l6"]
# What a task shows and what a backbone sees must be of one kind.
SEES: Mapping[str, str] = {"efficientnet_lite0": "images", "minilm_l6": "texts"}


class BackboneParams(Section):
    """A catalogue name; with `uri`, other weights for it (with `sha256` and `licence`)."""

    name: Name = "efficientnet_lite0"
    uri: Address | None = None
    sha256: Digest | None = None
    licence: str | None = None
