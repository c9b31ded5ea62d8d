"""Sections `objectives` and `weighting`: what is added to the loss, and how samples count."""

from pydantic import Field

from components.params import names
from components.params.base import Section

Weight = float | None


class ObjectivesParams(Section):
    """What is added to the loss: one answer to each of three questions, in any combination.

    Attributes:
        keep: what holds the network to where it started: `l2_sp` (its weights), `ewc` (those weights that the
            source task needs), `distillation` (its answers).
        align: what makes the features of the source and the target domain alike: `mmd`, `coral`, `dann`, `cdan`.
        confident: what is asked of the answers to unlabelled samples: `entropy` (be sure), `mcc` (confuse no
            classes), `pseudo_labels` (believe what is sure).
        keep_weight, align_weight, confident_weight: how much each counts beside the task's loss; none: what its
            paper or our measurements suggest.
    """

    keep: names.Keep = "none"
    align: names.Align = "none"
    confident: names.Confident = "none"
    keep_weight: Weight = Field(default=None, gt=0)
    align_weight: Weight = Field(default=None, gt=0)
    confident_weight: Weight = Field(default=None, gt=0)


class WeightingParams(Section):
    """How much each labelled training sample counts, by frozen features.

    Attributes:
        method: importance weights of the source samples for the target domain (`kmm`, `kliep`, `ulsif`), or
            boosting that trusts source samples less which the target contradicts (`tradaboost`).
    """

    method: names.Weighting = "none"
