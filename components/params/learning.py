"""Sections `features`, `head`, `tune`, `controls` and `select`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.params import names
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


class TuneParams(Section):
    """Fine-tuning of the last blocks from activations at the cut.

    Attributes:
        method: what of the last blocks learns, and when: all of them (`last_blocks`), one after the other from the
            top (`gradual_unfreezing`), the lower the slower (`layerwise_rates`), or only their biases (`bias_only`).
        blocks: how many of the backbone's last blocks learn.
        head_epochs: epochs in which the head alone learns, before the blocks follow.
        layer_decay: of `layerwise_rates`: each unit's rate, as a share of that of the unit above it.
        patience: epochs without a better validation loss until training stops.
    """

    method: names.Method = "last_blocks"
    blocks: int = Field(default=5, ge=1)
    epochs: int = Field(default=8, ge=1)
    head_epochs: int = Field(default=1, ge=0)
    batch: int = Field(default=32, ge=2)
    learning_rate: Positive = 1e-3
    layer_decay: float = Field(default=0.8, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    patience: int = Field(default=4, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    @model_validator(mode="after")
    def _head_first(self) -> "TuneParams":
        if self.head_epochs >= self.epochs:
            raise ValueError(
                f"head_epochs ({self.head_epochs}) leave none of the {self.epochs} epochs to blocks"
            )
        return self


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
