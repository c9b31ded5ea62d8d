"""Sections `features`, `head`, `controls` and `select`."""

from typing import Annotated, Literal

from pydantic import Field

from components.params.base import Section

Metric = Literal["accuracy", "balanced_accuracy", "auroc", "average_precision", "f1", "ece"]
LOWER_IS_BETTER = frozenset({"ece"})
Positive = Annotated[float, Field(gt=0)]


class FeaturesParams(Section):
    """Running the frozen layers.

    Attributes:
        batch: samples in one call on one core; on a GPU some 64 are better.
    """

    batch: int = Field(default=4, ge=1, le=1024)


class HeadParams(Section):
    """Logistic regression on frozen features; `l2` are the candidates, validation data choose."""

    l2: tuple[Positive, ...] = Field(default=(1e-4, 1e-3, 1e-2), min_length=1)
    metric: Metric = "balanced_accuracy"


class Scratch(Section):
    """The same network from random weights; `seconds` is its whole budget."""

    seconds: float = Field(default=90, gt=0)


class ControlsParams(Section):
    """What a transferred network must beat."""

    scratch: Scratch = Scratch()


class Threshold(Section):
    """How the decision threshold on the positive class is found, on validation data.

    `value` is the threshold (`fixed`) or the recall asked for (`recall_at_least`).
    """

    rule: Literal["fixed", "best_f1", "best_balanced_accuracy", "recall_at_least"] = "fixed"
    value: float = Field(default=0.5, ge=0, le=1)


class SelectParams(Section):
    """Head or tuned network: the better one by `metric` on validation data."""

    metric: Metric = "balanced_accuracy"
    threshold: Threshold = Threshold()
