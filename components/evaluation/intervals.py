"""Bootstrap percentile intervals, of one model and of the difference of two on the same samples.

Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16. With groups, whole
groups are drawn (Davison & Hinkley 1997, section 3.8): samples of one group are not independent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from components.evaluation.metrics import TABLE, Floats, Outcome, value

CELLS = 4_000_000  # resamples x samples at a time: some 32 MB
TOLERATED = 0.01  # share of resamples that may leave a metric undefined
MIN_UNITS = 10  # fewer samples (or groups) resemble each other too much: one right sample is 1.0 (1.0 to 1.0)


@dataclass(frozen=True)
class Interval:
    """`low` and `high` are None where units are too few, or where metric or resamples are undefined."""

    estimate: float | None
    low: float | None
    high: float | None
    n: int

    def as_json(self) -> dict[str, float | int | None]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """How to resample; equal plans give equal intervals.

    Attributes:
        groups: (N,) of any type, or None: samples of one group are drawn together.
    """

    resamples: int
    confidence: float
    seed: int
    groups: npt.NDArray[np.generic] | None = None

    def weights(self, samples: int) -> Iterator[Floats]:
        """Counts of each sample in each resample, in chunks (R, samples)."""
        generator = np.random.default_rng(self.seed)
        if self.groups is None:
            units, member = samples, np.arange(samples)
        else:
            names, member = np.unique(self.groups, return_inverse=True)
            units = len(names)
        chunk = max(1, CELLS // max(samples, 1))
        for start in range(0, self.resamples, chunk):
            size = min(chunk, self.resamples - start)
            counts = generator.multinomial(units, np.full(units, 1 / units), size=size)
            yield counts[:, member].astype(np.float64)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Plan":
        """The same plan for some of the samples."""
        groups = None if self.groups is None else self.groups[chosen]
        return Plan(self.resamples, self.confidence, self.seed, groups)


def bootstrap(outcome: Outcome, plan: Plan) -> dict[str, Interval]:
    """An interval for every metric."""
    return _intervals({name: value(name, outcome) for name in TABLE}, _draws(outcome, plan), outcome, plan)


def paired(one: Outcome, other: Outcome, plan: Plan) -> dict[str, Interval]:
    """An interval for every metric's difference, one - other, on the same resamples."""
    first, second = _draws(one, plan), _draws(other, plan)
    estimates = {name: value(name, one) - value(name, other) for name in TABLE}
    return _intervals(estimates, {name: first[name] - second[name] for name in TABLE}, one, plan)


def _draws(outcome: Outcome, plan: Plan) -> dict[str, Floats]:
    if len(outcome.targets) == 0 or not np.isfinite(outcome.probabilities).all():
        return {name: np.full(plan.resamples, np.nan) for name in TABLE}
    found: dict[str, list[Floats]] = {name: [] for name in TABLE}
    for weights in plan.weights(len(outcome.targets)):
        for name, metric in TABLE.items():
            found[name].append(metric(outcome, weights))
    return {name: np.concatenate(rows) for name, rows in found.items()}


def _intervals(
    estimates: Mapping[str, float], draws: Mapping[str, Floats], outcome: Outcome, plan: Plan
) -> dict[str, Interval]:
    n = len(outcome.targets)
    units = n if plan.groups is None else len(np.unique(plan.groups))
    if units < MIN_UNITS:
        draws = {name: np.full(1, np.nan) for name in draws}
    return {name: _interval(estimates[name], draws[name], plan.confidence, n) for name in estimates}


def _interval(estimate: float, draws: Floats, confidence: float, n: int) -> Interval:
    if not np.isfinite(estimate):
        return Interval(None, None, None, n)
    if np.isnan(draws).mean() > TOLERATED:
        return Interval(estimate, None, None, n)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), n)
