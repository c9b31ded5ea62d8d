"""Section `domains`: which samples are of the source, which of the target."""

from typing import Literal

from pydantic import model_validator

from components.params import names
from components.params.base import Section


class DomainsParams(Section):
    """Values of the column `data.labels.domain`. Nothing declared: all samples are of one domain.

    Attributes:
        source: what labels come from.
        target: what the release is for, and judged on.
        target_labels: `hidden`: the labels of the target's training, validation and calibration samples are not
            looked at, and the source's stand in for them. `used`: they are learned from, and decide.
        criterion: what finds the best epoch, and chooses between head and tuned network, where labels are hidden: the
            labels of the `source`, or how sure and varied the answers to the target's validation samples are
            (`information_maximisation`).
    """

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    target_labels: Literal["hidden", "used"] = "hidden"
    criterion: names.Criterion = "source"

    @property
    def declared(self) -> bool:
        return bool(self.target)

    @property
    def judged_unseen(self) -> bool:
        """Whether the target's samples, their labels unseen, find the best epoch and the network."""
        return self.criterion != "source"

    @model_validator(mode="after")
    def _both(self) -> "DomainsParams":
        if bool(self.source) != bool(self.target):
            named, other = ("source", "target") if self.source else ("target", "source")
            raise ValueError(f"{named} names {list(getattr(self, named))}, but {other} names no domain")
        if both := set(self.source) & set(self.target):
            raise ValueError(f"{', '.join(sorted(both))} is named as source and as target")
        if self.judged_unseen and not (self.declared and self.target_labels == "hidden"):
            why = "the target's labels are used" if self.declared else "no target is named"
            raise ValueError(
                f"criterion {self.criterion!r} is for a target whose labels are hidden, but {why}"
            )
        return self
