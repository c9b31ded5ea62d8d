"""Section `gate.fairness`: what groups of samples may differ by."""

from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from components.params.base import Section
from components.params.learning import AUTO, Metric

BOUNDS = (
    "worst_at_least",
    "worst_at_most",
    "gap_at_most",
    "tpr_gap_at_most",
    "calibration_gap_at_most",
)


class FairnessParams(Section):
    """Bounds for groups of test samples: one for each value of a column. At least one bound must be given.

    Attributes:
        columns: of `data.labels.slices`, or `domain`. Each is judged by itself.
        metric: of which the worst group and the gap are; `auto` is the problem's own.
        worst_at_least, worst_at_most: the metric of the worst group; `worst_at_most` where lower is better.
        gap_at_most: the largest difference of the metric between two groups.
        tpr_gap_at_most: the same of true-positive rates, which are recalls of classes (equal opportunity).
        calibration_gap_at_most: the same of calibration errors.
        class, label: the one whose true-positive rates are compared; none: those of every one (equalised odds).
        by: `interval` asks the whole interval to clear a bound, `estimate` only the estimate.
        least: groups of fewer samples are shown and not judged; 0: all are judged.
    """

    columns: tuple[str, ...] = Field(min_length=1)
    metric: Metric = AUTO
    worst_at_least: float | None = None
    worst_at_most: float | None = None
    gap_at_most: float | None = Field(default=None, gt=0)
    tpr_gap_at_most: float | None = Field(default=None, gt=0, lt=1)
    calibration_gap_at_most: float | None = Field(default=None, gt=0, lt=1)
    of: str | None = Field(default=None, alias="class", validation_alias=AliasChoices("class", "label"))
    by: Literal["interval", "estimate"] = "interval"
    least: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> "FairnessParams":
        if all(getattr(self, name) is None for name in BOUNDS):
            raise ValueError(f"no bound is given; give at least one of {', '.join(BOUNDS)}")
        if self.worst_at_least is not None and self.worst_at_most is not None:
            raise ValueError("give one of worst_at_least and worst_at_most")
        if self.of is not None and self.tpr_gap_at_most is None:
            raise ValueError("class or label goes with tpr_gap_at_most")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns is {list(self.columns)}: each may be named once")
        return self
