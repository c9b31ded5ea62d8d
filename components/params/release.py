"""Sections `export`, `evaluate` and `gate`."""

from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from components.params.base import Section
from components.params.fairness import FairnessParams
from components.params.learning import AUTO, Metric


class ParityParams(Section):
    """Torch and onnxruntime are compared on so many `samples` off the test side, in `batches` of these sizes."""

    samples: int = Field(default=200, ge=1)
    batches: tuple[int, ...] = (1, 7, 32)


class ExportParams(Section):
    """The release bundle.

    Attributes:
        release: the variant that is shipped; it must pass the gates itself. All three are made and measured.
        calibration_samples: training samples from which int8 takes its ranges.
    """

    release: Literal["fp32", "int8", "fp16"] = "fp32"
    opset: int = Field(default=20, ge=18, le=25)
    parity: ParityParams = ParityParams()
    calibration_samples: int = Field(default=128, ge=1)


class EvaluateParams(Section):
    """The `confidence` of intervals: half of what is left is how often a rule may pass wrongly; see docs/gates.md."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class Rule(Section):
    """One bound. `by: interval` asks the whole interval to clear it, `estimate` only the estimate.

    Attributes:
        metric: `recall` is that of one class: the share of its samples that are decided right.
        class, label, number: which one the metric is of; write the one that the problem has. `recall` needs it; of
            several numbers, `rmse`, `mae` and `coverage` may have it.
        slice: `column=value`; none means all test samples.
    """

    metric: Metric
    of: str | None = Field(
        default=None, alias="class", validation_alias=AliasChoices("class", "label", "number")
    )
    at_least: float | None = None
    at_most: float | None = None
    slice: str | None = Field(default=None, pattern=r"^[^=]+=[^=]+$")
    by: Literal["interval", "estimate"] = "interval"

    @model_validator(mode="after")
    def _one_bound(self) -> "Rule":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self

    @property
    def name(self) -> str:
        """The metric, in words that a verdict can be read by."""
        return self.metric if self.of is None else f"{self.metric} of {self.of}"


class ParityGate(Section):
    """How far the exported fp32 model may be from torch: a probability, and decisions."""

    max_difference: float = Field(default=1e-4, gt=0)
    changed_decisions: int = Field(default=0, ge=0)


class BetterThanControls(Section):
    """Negative transfer: the paired interval of (release - control) must lie above `margin`.

    Where lower is better, as for `ece`, the interval of (control - release) must.
    """

    metric: Metric = AUTO
    margin: float = Field(default=0.0, ge=0)


class Forgetting(Section):
    """What the source task may lose: the paired interval of (before - after) on it must lie below `at_most`."""

    metric: Metric = AUTO
    at_most: float = Field(default=0.05, ge=0)


class Overfitting(Section):
    """How much better clean training samples may be than validation samples, by a score of the learning curve: the
    accuracy of classes, the subset accuracy of labels, the mean absolute error of numbers.

    Attributes:
        metric: `auto` is the problem's.
        at_most: as the metric is measured: a share, or an error in the unit of the numbers (of several numbers, in
            standard deviations).
    """

    metric: Metric = AUTO
    at_most: float = Field(default=0.2, gt=0)


class Movement(Section):
    """How far training may take the layers above the cut from where they started.

    Attributes:
        weights_at_most: distance of the weights, as a share of their length (L2).
        features_at_least: likeness of the features of validation samples before and after (linear CKA, 0 to 1).
    """

    weights_at_most: float | None = Field(default=None, gt=0)
    features_at_least: float | None = Field(default=None, gt=0, le=1)


class Operational(Section):
    """Judged on the machine that registers, never locked; `inconclusive` where it was too busy to tell."""

    batch1_ms_p95: float = Field(default=200, gt=0)
    samples_per_second: float = Field(default=20, gt=0)


class GateParams(Section):
    rules: tuple[Rule, ...] = Field(min_length=1)
    parity: ParityGate = ParityGate()
    max_size_mb: float = Field(default=100, gt=0)
    better_than_controls: BetterThanControls = BetterThanControls()
    fairness: FairnessParams | None = None
    forgetting: Forgetting | None = None
    overfitting: Overfitting | None = None
    movement: Movement | None = None
    operational: Operational = Operational()
