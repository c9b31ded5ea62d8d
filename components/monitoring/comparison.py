"""A window against the reference: all tests, with one chance of a false alarm.

The rate holds for windows *and* references: over many references, so many windows of the same distribution raise an
alarm. One reference serves many windows, so they are not independent: of an unlucky one more do, of a lucky one
fewer, and the more samples it has, the smaller is the difference. And it holds for samples that are drawn one by one:
a window full of parts of a few larger things (cells of one module, lines of one letter) differs from the reference as
those few do, and raises alarms where nothing drifts.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from components.errors import DataError
from components.monitoring.mmd import mmd_test
from components.monitoring.observed import Observed
from components.monitoring.several import holm, refuse_too_few
from components.monitoring.shares import labels_test, shares_test
from components.params.monitoring import within
from components.problems.operation import Statistic, Watch
from components.progress import bar


@dataclass(frozen=True)
class Asked:
    """Attributes:
    rate: chance of a false alarm, over all tests of a window.
    permutations: of each permutation test.
    least: samples without which a side says too little.
    seed: of the permutations.
    """

    rate: float
    permutations: int
    least: int
    seed: int


class Permute(NamedTuple):
    """The last arguments of the permutation tests: draws go on from test to test."""

    permutations: int
    draw: np.random.Generator
    advance: Callable[[int], object]


@dataclass(frozen=True)
class Test:
    """One of them.

    Attributes:
        name: embeddings, or a statistic's, of decisions (classes, confidence) or of the samples themselves.
        by: MMD, chi-squared or KS.
        value: of the test's statistic.
        p: by itself; adjusted: by Holm, an alarm where it is at most the rate.
        reference, window: the median of each, where there is one.
    """

    name: str
    by: str
    value: float
    p: float
    adjusted: float = 1.0
    alarm: bool = False
    reference: float | None = None
    window: float | None = None


def compare(reference: Observed, window: Observed, asked: Asked, watch: Watch) -> list[Test]:
    """All tests that both sides have what is needed for. Numbers that are the same in every sample of both are not
    tested: that depends on the pooled samples alone, and so costs no test its level.

    Raises DataError where a side has fewer than `asked.least` samples, or a value that is not finite; ParamsError for
    too few permutations.
    """
    for side, name in ((window, "window"), (reference, "reference")):
        if len(side) < asked.least:
            raise DataError(
                f"The {name} has {len(side)} samples that could be read; {asked.least} are needed.",
                "Take a longer window, or lower monitoring.least.",
            )
        _require_numbers(side, name)
    names = [name for name in reference.statistics if varies(name, reference, window)]
    decided = decisions(reference, window, watch)
    embedded = bool(len(reference.embeddings) and len(window.embeddings))
    refuse_too_few(asked.permutations, len(names) + len(decided) + embedded, asked.rate)
    permuted = embedded + sum(ours.kind != "numbers" for ours, _ in decided.values())
    with closing(bar(permuted * asked.permutations, "compare", "permutations")) as shown:
        permute = Permute(asked.permutations, np.random.default_rng(asked.seed), shown.update)
        made = [_embeddings(reference, window, permute)] if embedded else []
        made += [_decided(name, both, permute) for name, both in decided.items()]
    made += [_smirnov(name, reference.statistics[name], window.statistics[name]) for name in names]
    return judged(made, asked.rate)


def decisions(reference: Observed, window: Observed, watch: Watch) -> dict[str, tuple[Statistic, Statistic]]:
    """Statistic of the decisions → (of the reference, of the window), but for numbers that never vary."""
    ours, theirs = watch.statistics(reference.answers), watch.statistics(window.answers)
    return {name: (ours[name], theirs[name]) for name in ours if _moves(ours[name], theirs[name])}


def _moves(ours: Statistic, theirs: Statistic) -> bool:
    return ours.kind != "numbers" or bool(np.ptp(np.concatenate([ours.values, theirs.values])) > 0)


def _decided(name: str, both: tuple[Statistic, Statistic], permute: Permute) -> Test:
    ours, theirs = both
    if ours.kind == "numbers":
        return _smirnov(name, ours.values, theirs.values)
    if ours.kind == "classes":
        value, p = shares_test(ours.counts, theirs.counts, *permute)
    else:
        value, p = labels_test(ours.values, theirs.values, *permute)
    return Test(name, "chi-squared", value, p)


def _require_numbers(side: Observed, name: str) -> None:
    """A test of what is not finite would be left out, or could never alarm."""
    columns = {
        "the answer": side.answers.sum(axis=1, dtype=np.float64),
        "the embedding": side.embeddings.sum(axis=1, dtype=np.float64),
        **{f"the statistic {key!r}": values for key, values in side.statistics.items()},
    }
    for what, values in columns.items():
        broken = np.flatnonzero(~np.isfinite(values))
        if len(broken):
            raise DataError(
                f"In the {name}, {what} of {len(broken)} of {len(side)} samples is NaN or infinite, first of "
                f"{side.ids[broken[0]]}.",
                "Look at these samples: whatever makes them is broken, and nothing can be compared.",
            )


def varies(name: str, reference: Observed, window: Observed) -> bool:
    """Whether the statistic is known on both sides, and not the same everywhere."""
    if name not in window.statistics:
        return False
    return bool(np.ptp(np.concatenate([reference.statistics[name], window.statistics[name]])) > 0)


def count_tests(reference: Observed, watch: Watch) -> int:
    """How many tests a window has at most."""
    decided = watch.statistics(reference.answers)
    return len(reference.statistics) + len(decided) + bool(len(reference.embeddings))


def judged(tests: Sequence[Test], rate: float) -> list[Test]:
    """With adjusted p-values."""
    adjusted = holm([test.p for test in tests])
    return [
        Test(t.name, t.by, t.value, t.p, value, within(value, rate), t.reference, t.window)
        for t, value in zip(tests, adjusted, strict=True)
    ]


def _embeddings(reference: Observed, window: Observed, permute: Permute) -> Test:
    value, p = mmd_test(reference.embeddings, window.embeddings, *permute)
    return Test("embeddings", "MMD", value, p)


def _smirnov(name: str, ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> Test:
    """Two-sample Kolmogorov-Smirnov; where values repeat, its p is too large rather than too small."""
    found = stats.ks_2samp(ours, theirs)
    medians = float(np.median(ours)), float(np.median(theirs))
    return Test(name, "KS", float(found.statistic), float(found.pvalue), 1.0, False, *medians)
