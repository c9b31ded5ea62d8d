"""Section `backbone`, and the contract between a backbone and what feeds it."""

from dataclasses import dataclass
from typing import Literal

from components.params.base import Address, Section
from components.params.data import Digest


@dataclass(frozen=True)
class InputSpec:
    """What a backbone wants to see: (3, size, size), each channel of 0…255 as (x - mean) / std."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class BackboneParams(Section):
    """A catalogue name; with `uri`, other weights for it (with `sha256` and `licence`)."""

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    uri: Address | None = None
    sha256: Digest | None = None
    licence: str | None = None
