"""Section `backbone`, and the contract between a backbone and what feeds it."""

from dataclasses import dataclass

from components.params import names
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


class BackboneParams(Section):
    """A catalogue name; with `uri`, other weights for it (with `sha256` and `licence`)."""

    name: names.Backbone = "efficientnet_lite0"
    uri: Address | None = None
    sha256: Digest | None = None
    licence: str | None = None
