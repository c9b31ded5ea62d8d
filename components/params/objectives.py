"""Sections `objectives` and `weighting`: what is added to the loss, and how samples count."""

from pydantic import Field, model_validator

from components.params import names
from components.params.choosing import Choosing

Weight = float | None


class TasksParams(Choosing):
    """Auxiliary tasks, learned beside the main one on the same layers; only the main one is shipped.

    Attributes:
        columns: of `data.labels.slices`; each is a task, its values are the classes.
        balance: how the tasks share a step: by `fixed` weights, by weights that are learned (`uncertainty`), or by
            taking out of each task's gradient what works against another's (`pcgrad`).
        weight: how much an auxiliary task counts beside the main one; none: 1. `uncertainty` learns it.
    """

    columns: tuple[str, ...] = ()
    balance: names.Balance = "fixed"
    weight: Weight = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _makes_sense(self) -> "TasksParams":
        if twice := {name for name in self.columns if self.columns.count(name) > 1}:
            raise ValueError(f"columns names {sorted(twice)[0]!r} twice")
        if self.balance != "fixed" and not self.columns:
            raise ValueError(f"balance {self.balance!r} has no tasks to balance: set columns")
        if self.balance == "uncertainty" and self.weight is not None:
            raise ValueError("balance 'uncertainty' learns the weights: leave weight out")
        return self


class ObjectivesParams(Choosing):
    """What is added to the loss: one answer to each of three questions, in any combination.

    Attributes:
        keep: what holds the network to where it started: `l2_sp` (its weights), `ewc` (those weights that the
            source task needs), `distillation` (its answers).
        align: what makes the features of the source and the target domain alike: `mmd`, `coral`, `dann`, `cdan`.
        confident: what is asked of the answers to unlabelled samples: `entropy` (be sure),
            `information_maximisation` (be sure, and varied), `mcc` (confuse no classes), `pseudo_labels` (believe what
            is sure).
        keep_weight, align_weight, confident_weight: how much each counts beside the task's loss; none: what its
            paper or our measurements suggest.
        tasks: auxiliary tasks.
    """

    keep: names.Keep = "none"
    align: names.Align = "none"
    confident: names.Confident = "none"
    keep_weight: Weight = Field(default=None, gt=0)
    align_weight: Weight = Field(default=None, gt=0)
    confident_weight: Weight = Field(default=None, gt=0)
    tasks: TasksParams = Field(default_factory=TasksParams)


class WeightingParams(Choosing):
    """How much each labelled training sample counts, by frozen features.

    Attributes:
        method: importance weights of the source samples for the target domain (`kmm`, `kliep`, `ulsif`), or
            boosting that trusts source samples less which the target contradicts (`tradaboost`).
    """

    method: names.Weighting = "none"
