"""How often the intervals of multi-label metrics miss the true value on each side: drawn from populations whose metrics
are known.

Scores are normal, those of samples with a label higher by a shift; a label is decided above half of it. Labels of one
sample, the noise of their scores, and samples of one group have something in common. Minutes on one core.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.workspace import publish
from components.evaluation.intervals import intervals, paired
from components.evaluation.spread import Floats, Plan
from components.problems.multi_label.judge import TABLE
from components.problems.multi_label.judge.metrics import Outcome

REPEATS = 400
NEAR = ((2.5, 1600), (3.5, 4800))  # %: an error above is drawn anew, so many times
CONFIDENCE = 0.95
GROUP = 20
SIZES, GROUPS = (10, 20, 30, 100, 300), (10, 20, 50)
SHARES = {
    "3": (0.5, 0.3, 0.1),
    "10": (0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.03),
    "even": (0.4,) * 5,
}
Draw = np.random.Generator


@dataclass(frozen=True)
class Population:
    """
    Attributes:
        shares: of samples that have each label.
        shift: between the scores of samples with a label and without it.
        together: correlation of the labels of one sample.
        common: correlation of the noise of one sample's scores.
        hard: noise in common makes a sample wrong in all labels; else it raises all scores.
        within: correlation of samples of one group, in labels and noise.
        unequal: groups of 1 to about 100 samples; else of GROUP.
    """

    shares: str = "3"
    shift: float = 3.0
    together: float = 0.3
    common: float = 0.0
    hard: bool = False
    within: float = 0.0
    unequal: bool = False

    @property
    def prevalence(self) -> Floats:
        return np.array(SHARES[self.shares])

    def truth(self) -> dict[str, float]:
        """Of the metrics that can be integrated."""
        miss = norm.cdf(-self.shift / 2)
        both = self.prevalence * (1 - miss)
        false = (1 - self.prevalence) * miss
        f1 = 2 * both / (both + false + self.prevalence)
        return {
            "macro_f1": float(f1.mean()),
            "micro_f1": float(2 * both.sum() / (both + false + self.prevalence).sum()),
            "map": float(np.mean([self._precision(share) for share in self.prevalence])),
            "hamming_loss": float(miss),
        }

    def _precision(self, share: float) -> float:
        at = np.linspace(-9, self.shift + 9, 20_001)
        recall = norm.sf(at - self.shift)
        precision = share * recall / (share * recall + (1 - share) * norm.sf(at))
        return float((-np.diff(recall) * (precision[:-1] + precision[1:]) / 2).sum())

    def units(self, draw: Draw, size: int) -> Floats:
        """(N,) group of each of N samples in `size` groups."""
        sizes = np.minimum(draw.geometric(1 / GROUP, size), 100) if self.unequal else np.full(size, GROUP)
        return np.repeat(np.arange(size), sizes).astype(np.float64)

    def draw(self, draw: Draw, groups: Floats, agree: float | None = None) -> tuple[Outcome, ...]:
        """One model's outcome, or those of two whose noise is correlated by `agree`."""
        n, labels = len(groups), len(self.prevalence)
        member = groups.astype(np.int64)
        raised = self._mixed(draw, member, n, labels, self.together)
        targets = (raised < norm.ppf(self.prevalence)).astype(np.int8)
        noises = [self._mixed(draw, member, n, labels, self.common) for _ in range(1 if agree is None else 3)]
        if agree is not None:
            noises = [np.sqrt(agree) * noises[0] + np.sqrt(1 - agree) * noise for noise in noises[1:]]
        return tuple(self._outcome(targets, noise) for noise in noises)

    def _mixed(self, draw: Draw, member: np.ndarray, n: int, labels: int, common: float) -> Floats:
        """(n, labels) normal: a share of the variance is the sample's, a share its group's."""
        groups = draw.standard_normal((member.max() + 1, 1))[member]
        own = draw.standard_normal((n, labels)) * np.sqrt(1 - common)
        sample = draw.standard_normal((n, 1)) * np.sqrt(common) + own
        return np.asarray(np.sqrt(self.within) * groups + np.sqrt(1 - self.within) * sample)

    def _outcome(self, targets: np.ndarray, noise: Floats) -> Outcome:
        turned = np.where(targets == 1, -noise, noise) if self.hard else noise
        scores = self.shift * targets + turned
        probabilities = 1 / (1 + np.exp(self.shift / 2 - scores))
        return Outcome(targets, probabilities, (scores >= self.shift / 2).astype(np.int8))


ALONE = {
    "independent errors": Population(),
    "good": Population(shift=5.0),
    "hard samples": Population(common=0.5, hard=True),
    "raised scores": Population(common=0.5),
    "ten labels": Population("10"),
    "ten, hard samples": Population("10", common=0.5, hard=True, together=0.6),
    "ten, good": Population("10", shift=5.0, common=0.3, hard=True),
    "even, raised": Population("even", common=0.8, together=0.0),
}
GROUPED = {
    "0.05": Population(within=0.05, common=0.3, hard=True),
    "0.2": Population(within=0.2, common=0.3, hard=True),
    "0.2, raised": Population(within=0.2, common=0.3),
    "0.2, unequal": Population(within=0.2, common=0.3, hard=True, unequal=True),
    "ten, 0.2": Population("10", within=0.2, common=0.3, hard=True),
}
AGREE = (0.5, 0.95)
PAIRED = (
    "independent errors",
    "hard samples",
    "ten, hard samples",
    "even, raised",
    "0.2",
    "0.2, unequal",
)
Case = tuple[str, Population, int, bool, float | None]
LEAST = {"macro_f1": 10, "micro_f1": 20, "map": 20, "subset_accuracy": 1, "hamming_loss": 10}


def misses(
    population: Population, size: int, grouped: bool, agree: float | None, repeats: int
) -> dict[str, tuple[float, float, int]]:
    """Metric → how often the interval lies above the true value and below it, in %, and of how many there were."""
    seed = [size, repeats, int(100 * (agree or 0)), *repr(population).encode()]
    draw = np.random.default_rng(seed)
    truth = population.truth() if agree is None else dict.fromkeys(TABLE, 0.0)
    table = {name: TABLE[name] for name in truth}
    above, below, count = (dict.fromkeys(truth, 0) for _ in range(3))
    for _ in range(repeats):
        units = population.units(draw, size) if grouped else np.arange(size, dtype=np.float64)
        outcomes = population.draw(draw, units, agree)
        plan = Plan(CONFIDENCE, units if grouped else None)
        found = intervals(outcomes[0], plan, table) if agree is None else paired(*outcomes, plan, table)
        for name, interval in found.items():
            if interval.low is not None and interval.high is not None:
                count[name] += 1
                above[name] += interval.low > truth[name] + 1e-12
                below[name] += interval.high < truth[name] - 1e-12
    return {
        name: (round(100 * above[name] / repeats, 2), round(100 * below[name] / repeats, 2), count[name])
        for name in truth
    }


def cases(sizes: tuple[int, ...], groups: tuple[int, ...]) -> Iterator[Case]:
    """One model on all populations, two on some."""
    for agree in (None, *AGREE):
        for populations, of, grouped in ((ALONE, sizes, False), (GROUPED, groups, True)):
            chosen = [name for name in populations if agree is None or name in PAIRED]
            for name in chosen:
                sizes_of = of if agree is None or not grouped else of[:-1]  # pairs in many groups take long
                yield from ((name, populations[name], size, grouped, agree) for size in sizes_of)


def measure(case: Case, repeats: int) -> list[dict[str, object]]:
    """A row a metric."""
    name, population, size, grouped, agree = case
    found = misses(population, size, grouped, agree, repeats)
    for above, more in NEAR:
        if max(max(errors[:2]) for errors in found.values()) > above and more > repeats:
            found = misses(population, size, grouped, agree, more)
    facts = {"population": name, "n": size, "unit": "groups" if grouped else "samples", "agree": agree}
    return [
        {"metric": metric, **facts, "above": high, "below": low, "intervals": count}
        for metric, (high, low, count) in found.items()
    ]


def table(rows: list[dict[str, object]]) -> str:
    """As docs/gates.md shows it: the worst error of any population on either side, in %, at each size."""
    lines = []
    for unit in ("samples", "groups"):
        of = [row for row in rows if row["unit"] == unit]
        sizes = sorted({int(str(row["n"])) for row in of})
        lines += ["", f"| metric | {' | '.join(map(str, sizes))} {unit} |", "|---" * (len(sizes) + 1) + "|"]
        for difference in (False, True):
            for metric in TABLE:
                cells = [_worst(of, metric, size, difference) for size in sizes]
                lines.append(f"| {metric}{', difference' if difference else ''} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _worst(rows: list[dict[str, object]], metric: str, size: int, difference: bool) -> str:
    of = [
        max(float(str(row["above"])), float(str(row["below"])))
        for row in rows
        if row["metric"] == metric
        and row["n"] == size
        and (row["agree"] is not None) == difference
        and row["intervals"]
    ]
    return f"{max(of):.1f}" if of else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    measured = [row for case in cases(SIZES, GROUPS) for row in measure(case, repeats)]
    publish(
        "multi_label",
        {
            "repeats": repeats,
            "repeats_of_errors": {f"above {above} %": more for above, more in NEAR},
            "rows": measured,
        },
    )
    print(table(measured))


if __name__ == "__main__":
    main()
