"""Section `domains`: which samples are of the source, which of the target."""

from typing import Literal

from pydantic import model_validator

from components.params.base import Section


class DomainsParams(Section):
    """Values of the column `data.labels.domain`. Nothing declared: all samples are of one domain.

    Attributes:
        source: what labels come from.
        target: what the release is for, and judged on.
        target_labels: `hidden`: the labels of the target's training, validation and calibration samples are not
            looked at, and the source's stand in for them. `used`: they are learned from, and decide.
    """

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    target_labels: Literal["hidden", "used"] = "hidden"

    @property
    def declared(self) -> bool:
        return bool(self.target)

    @model_validator(mode="after")
    def _both(self) -> "DomainsParams":
        if bool(self.source) != bool(self.target):
            named, other = ("source", "target") if self.source else ("target", "source")
            raise ValueError(f"{named} names {list(getattr(self, named))}, but {other} names no domain")
        if both := set(self.source) & set(self.target):
            raise ValueError(f"{', '.join(sorted(both))} is named as source and as target")
        return self
