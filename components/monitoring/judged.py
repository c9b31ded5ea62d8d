"""How good a release is: by the problem's own metrics where labels are known, estimated where nobody knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import intervals
from components.evaluation.spread import Plan
from components.monitoring.accuracy import estimated
from components.monitoring.observed import Observed
from components.params.task import TaskParams
from components.problems import judge, target
from components.problems.base import Decision, Description, Judge, Target
from components.problems.operation import Watch, titles, watch

Figures = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Problem:
    """The problem of a release, as monitoring asks it; `titles` are its metrics' names for people."""

    target: Target
    decision: Decision
    judge: Judge
    watch: Watch
    titles: Mapping[str, str]

    @classmethod
    def of(cls, task: TaskParams, description: Description, decision: Decision) -> Self:
        """ParamsError where the problem does not say what there is to watch."""
        watching = watch(task, description, decision)
        return cls(target(description), decision, judge(task, description), watching, titles(task.problem))

    def known(self, labels: Sequence[str]) -> list[str]:
        """The labels (N) at rest; '' in the place of those that the release knows nothing of, as of a newer class."""
        return [label if label and self._fits(label) else "" for label in labels]

    def _fits(self, label: str) -> bool:
        try:
            return bool(self.target.known(self.target.targets([label]))[0])
        except (KeyError, ValueError, TypeError):
            return False

    def measured(self, answers: npt.NDArray[Any], labels: Sequence[str], level: float) -> Figures:
        """Metric → its interval, of labelled samples: answers (N, columns) and labels (N)."""
        outcome = self.judge.outcome(self.target.targets(labels), answers, self.decision(answers))
        found = intervals(outcome, Plan(level), self.judge.metrics)
        return {name: dict(one.as_json()) for name, one in found.items()}

    def estimated(self, reference: Observed, window: Observed, level: float, seed: int) -> Figures:
        """Metric → its interval on `window`, whose labels nobody knows; `reference` is labelled."""
        ours, theirs = (self.watch.confidences(side.answers) for side in (reference, window))
        right = self.watch.right(self.target.targets(reference.labels), reference.answers)
        found: Figures = {}
        for name, confidence in ours.items():
            draw = np.random.default_rng(seed)
            found[name] = dict(estimated(confidence, right[name], theirs[name], level, draw).as_json())
        return found
