"""What is known of a sweep's trials, and which of them stand out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Outcome = Literal["complete", "pruned", "impossible", "failed", "running"]


@dataclass(frozen=True)
class Measured:
    """One training on one fold.

    Attributes:
        score: the metric on what the fold held out.
        seconds: of training alone.
    """

    score: float
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One setting.

    Attributes:
        values: searched key → value.
        folds: what was trained (`head`, `tuned`) → a measurement a fold, as far as it came.
        current: whether these are the values of params.yaml as it was.
        reason: why it is impossible, or failed.
    """

    number: int
    values: Mapping[str, object]
    outcome: Outcome
    folds: Mapping[str, Sequence[Measured]] = field(default_factory=dict)
    current: bool = False
    reason: str = ""

    @property
    def done(self) -> int:
        """How many folds were trained."""
        return max((len(folds) for folds in self.folds.values()), default=0)

    def scores(self, learner: str) -> list[float]:
        return [fold.score for fold in self.folds[learner]]

    def score(self, learner: str) -> float:
        """Mean over the folds that were trained."""
        return statistics.fmean(self.scores(learner))

    def spread(self, learner: str) -> float:
        """Standard deviation over the folds; 0 where there is one."""
        scores = self.scores(learner)
        return statistics.stdev(scores) if len(scores) > 1 else 0.0

    def seconds(self, learner: str) -> float:
        """Mean over the folds that were trained."""
        return statistics.fmean(fold.seconds for fold in self.folds[learner])


@dataclass(frozen=True)
class Sweep:
    """All trials, and what their scores are of.

    Attributes:
        title: the metric's name for people.
        rising: whether a higher score is better.
        reference: the head alone, with params.yaml as it is: a measurement a fold.
        scored: in words, on what.
        settings: how many the space holds; none where a number may be any of a range.
        outside: in words, what of params.yaml as it was the space does not hold.
    """

    name: str
    metric: str
    title: str
    rising: bool
    folds: int
    scored: str
    trials: Sequence[Trial]
    reference: Sequence[Measured] = ()
    settings: int | None = None
    outside: str = ""

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to try."""
        ended = [trial for trial in self.trials if trial.outcome != "running"]
        return len({repr(sorted(trial.values.items())) for trial in ended}) == self.settings

    def learner(self, trial: Trial) -> str:
        """The better of what the trial trained; the head where both are equal, as `select` decides."""
        return max(sorted(trial.folds), key=lambda name: self._turned(trial.score(name)))

    def score(self, trial: Trial) -> float:
        return trial.score(self.learner(trial))

    def spread(self, trial: Trial) -> float:
        return trial.spread(self.learner(trial))

    def seconds(self, trial: Trial) -> float:
        return trial.seconds(self.learner(trial))

    @cached_property
    def ranked(self) -> list[Trial]:
        """Whole trials, the best first; of equal ones the earlier, because seconds differ from run to run."""
        whole = [trial for trial in self.trials if trial.outcome == "complete"]
        return sorted(whole, key=lambda trial: (-self._turned(self.score(trial)), trial.number))

    @cached_property
    def front(self) -> list[Trial]:
        """Whole trials that no other beats in score and seconds at once, the fastest first (Pareto)."""
        kept: list[Trial] = []
        for trial in sorted(self.ranked, key=self.seconds):
            if not kept or self._turned(self.score(trial)) > self._turned(self.score(kept[-1])):
                kept.append(trial)
        return kept

    def head_wins(self) -> bool:
        """Whether the head alone is no worse than the best trial."""
        if not self.reference or not self.ranked:
            return False
        head = statistics.fmean(fold.score for fold in self.reference)
        return self._turned(head) >= self._turned(self.score(self.ranked[0]))

    def gain(self) -> tuple[float, int] | None:
        """Of the best over params.yaml as it was: mean difference, and in how many folds it is better."""
        ranked = self.ranked
        now = next((trial for trial in ranked if trial.current), None)
        if now is None or now is ranked[0]:
            return None
        pairs = zip(ranked[0].scores(self.learner(ranked[0])), now.scores(self.learner(now)), strict=True)
        gains = [self._turned(best) - self._turned(before) for best, before in pairs]
        return statistics.fmean(gains), sum(gain > 0 for gain in gains)

    def _turned(self, score: float) -> float:
        return score if self.rising else -score
