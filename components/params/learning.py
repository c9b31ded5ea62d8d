"""Sections `features`, `head`, `controls` and `select`."""

from typing import Annotated, Literal

from pydantic import Field

from components.params import names
from components.params.base import Section
from components.params.choosing import Choosing

Metric = str  # one of the problem's; `params.combinations` looks at it
AUTO = "auto"  # the problem's first metric: balanced_accuracy for classification
Positive = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=1)]


class FeaturesParams(Section):
    """Running the frozen layers.

    Attributes:
        batch: samples in one call on one core; on a GPU some 64 are better.
    """

    batch: int = Field(default=4, ge=1, le=1024)


class HeadParams(Choosing):
    """What is fitted to frozen features; validation data choose among the candidates.

    Further keys are those of a head that another package brings.

    Attributes:
        method: `logistic` regression, `linear` (ridge regression), `mlp` (one hidden layer), `neighbours`,
            `prototypes` (nearest class mean), or `random_features` (a kernel that sites can fit together).
        l2: candidates of `logistic`, `linear`, `mlp` and `random_features`: half of it times the squared weights is
            added to the mean loss.
        neighbours: candidates of `neighbours`: how many vote.
        hidden: of `mlp`: units of its hidden layer.
        components: of `random_features`: how many.
        bandwidth: of `random_features`: of its kernel, in root mean squared distances between two samples.
        metric: what the choice looks at (`auto`: what the problem names first); a tie goes to the lower loss.
    """

    method: names.Head = "logistic"
    l2: tuple[Positive, ...] = Field(default=(1e-4, 1e-3, 1e-2), min_length=1)
    neighbours: tuple[Whole, ...] = Field(default=(1, 3, 5, 9, 15, 25, 45), min_length=1)
    hidden: int = Field(default=256, ge=1)
    components: int = Field(default=1024, ge=1)
    bandwidth: Positive = 1.0
    metric: Metric = AUTO


class Scratch(Section):
    """The same network from random weights.

    Attributes:
        epochs: its whole budget, in passes over the training samples. Fewer training than validation samples are
            shown several times in each.
        input_size: side of an image in pixels, or tokens of a text, where it sees less of a sample than the release;
            none: as much. Half the side costs a third, so that more epochs fit in the same time.
    """

    epochs: int = Field(default=3, ge=1)
    input_size: int | None = Field(default=None, ge=16, le=1024)


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
    """Head or tuned network: the better one by `metric` on validation data (`auto`: what the problem names first)."""

    metric: Metric = AUTO
    threshold: Threshold = Threshold()
