"""The share of texts that are right to the letter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.binomial import clopper_pearson, paired_shares
from components.evaluation.intervals import Ends, Method, Metric
from components.evaluation.spread import Floats, Plan
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from spellings.spelling import KEPT


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N samples: (N,) objects, both texts; and whether all answers are numbers."""

    targets: npt.NDArray[Any]
    decided: npt.NDArray[Any]
    finite: bool = True

    def __len__(self) -> int:
        return len(self.targets)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        return Outcome(self.targets[chosen], self.decided[chosen], self.finite)

    @property
    def correct(self) -> Floats:
        return np.asarray(self.targets == self.decided, dtype=np.float64)


def _one(outcome: Outcome, plan: Plan) -> Ends:
    low, high = clopper_pearson(outcome.correct.sum(), len(outcome), plan.tail)
    return float(low), float(high)


def _two(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    gained, lost = (one.correct > other.correct).sum(), (other.correct > one.correct).sum()
    low, high = paired_shares(gained, lost, len(one), plan.tail)
    return float(low), float(high)


EXACT = Metric(
    lambda outcome: float(outcome.correct.mean()),
    Method("share of samples", "Clopper-Pearson", _one, "Tango and MOVER", _two),
)


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    metrics: Mapping[str, Metric[Outcome]] = {"exact": EXACT}
    headline = ("exact",)
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        pass

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        return Outcome(targets, decisions, bool(np.isfinite(answers).all()))

    def joined(self, outcomes: Sequence[Outcome]) -> Outcome:
        parts = [np.concatenate([getattr(one, name) for one in outcomes]) for name in ("targets", "decided")]
        return Outcome(*parts, all(one.finite for one in outcomes))

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        return {"nothing": [0.0]}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        return {"text": list(outcome.decided)}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"right": int(outcome.correct.sum())}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        return Outcome(columns["target"].astype(object), columns["text"].astype(object))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        return {"texts.csv": (("written", "told"), list(zip(outcome.targets, outcome.decided, strict=True)))}
