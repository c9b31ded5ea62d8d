"""How often rules of the gate and the promotion pass wrongly, and rightly: error and power of every kind of rule.

The error is how often a rule passes where the true value lies exactly on its bound (a candidate is worse by exactly the
margin): the largest of several populations. The power is how often it passes where the model is better than that by
what the row says. Accuracy and its difference are enumerated, all else is drawn, with seeds. Minutes on one core.
"""

import argparse

import numpy as np
from scipy import stats

from benchmarks.rules import SIZES, Case, Row, alone
from benchmarks.rules_in_groups import grouped
from benchmarks.rulings import rulings
from benchmarks.workspace import publish
from components.evaluation.binomial import clopper_pearson, tango
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.spread import Plan
from components.problems.classification.judge import TABLE
from components.problems.classification.judge import recalls as recall_metrics
from components.problems.classification.judge.metrics import Outcome

REPEATS = 300
NEAR = ((2.5, 4), (3.5, 14))  # %: an error above is drawn so many times as often
PLAN = Plan(confidence=0.95)
RECALL = "recall"


def rows() -> list[Row]:
    """All kinds of rules that are drawn."""
    return [*alone(), *rulings(), *grouped()]


def measure(row: Row, size: int, repeats: int = REPEATS) -> dict[str, object]:
    """Error and power of a rule with so many samples, in %."""
    rates = {case.name: passed(row, case, size, repeats) for case in row.errors}
    for above, more in NEAR:
        near = [case for case in row.errors if rates[case.name] > above]
        rates |= {case.name: passed(row, case, size, more * repeats) for case in near}
    worst = max(rates, key=lambda name: rates[name])
    facts = {"rule": row.rule, "n": size, "unit": "groups" if row.groups else "samples"}
    of = {"power": passed(row, row.power, size, repeats), "of": row.power.name, "exact": None}
    return {**facts, "error": rates[worst], "worst": worst, **of}


def passed(row: Row, case: Case, size: int, repeats: int) -> float:
    """How often the rule passes, in %."""
    draw = np.random.default_rng([size, *case.name.encode()])
    count = sum(_passes(row, case.sample(draw, size), case.bound) for _ in range(repeats))
    return round(100 * count / repeats, 2)


def _passes(row: Row, sample: object, bound: float) -> bool:
    if row.judge is not None:
        return row.judge(sample)
    found = interval(sample, row.metric)
    end = found.high if row.at_most else found.low
    return end is not None and (end <= bound if row.at_most else end >= bound + 1e-12)


def interval(sample: object, metric: str) -> Interval:
    parts = sample if isinstance(sample, tuple) else (sample,)
    one, *other = [part for part in parts if isinstance(part, Outcome)]
    groups = next((part for part in parts if isinstance(part, np.ndarray)), None)
    plan = Plan(PLAN.confidence, groups)
    known = {**TABLE, **recall_metrics(("negative", "positive"))}
    name = f"{RECALL} of positive" if metric == RECALL else metric
    asked = {name: known[name]}
    return (paired(one, other[0], plan, asked) if other else intervals(one, plan, asked))[name]


def accuracy(size: int) -> dict[str, object]:
    """Enumerated: every count of right samples, at 14 rates; the exact test is the binomial one."""
    right = np.arange(size + 1)
    low, _ = clopper_pearson(right, size, PLAN.tail)
    rates = (*np.arange(0.5, 0.99, 0.05), 0.82, 0.98, 0.99, 0.995)
    errors = {f"rate {rate:.3g}": stats.binom.pmf(right, size, rate)[low >= rate].sum() for rate in rates}
    worst = max(errors, key=lambda name: errors[name])
    chances = stats.binom.pmf(right, size, 0.95)
    exact = chances[stats.binom.sf(right - 1, size, 0.9) <= PLAN.tail].sum()
    facts = {
        "rule": "accuracy at least",
        "n": size,
        "unit": "samples",
        "error": _percent(errors[worst]),
        "worst": worst,
    }
    power = {"power": _percent(chances[low >= 0.9].sum()), "of": "0.95 for 0.9", "exact": _percent(exact)}
    return facts | power


def difference(size: int, margin: float) -> dict[str, object]:
    """Enumerated: every count of decisions gained and lost, at ten shares. Without margin, McNemar's is exact."""
    most = min(size, int(size * 0.35 + 7 * np.sqrt(size * 0.25)) + 1)
    gained, lost = (v.ravel() for v in np.meshgrid(np.arange(most + 1), np.arange(most + 1)))
    gained, lost = gained[gained + lost <= size], lost[gained + lost <= size]
    low, _ = tango(gained, lost, size, stats.norm.isf(PLAN.tail))
    passes = low >= -margin if margin else low > 0
    counts = np.stack([gained, lost, size - gained - lost], axis=1)

    def chances(plus: float, minus: float) -> np.ndarray:
        return np.asarray(stats.multinomial.pmf(counts, size, [plus, minus, 1 - plus - minus]))

    shares = np.linspace(max(margin, 0.01), 0.35, 10)
    errors = {
        f"{s:.0%} discordant": chances((s - margin) / 2, (s + margin) / 2)[passes].sum() for s in shares
    }
    worst = max(errors, key=lambda name: errors[name])
    facts = {"n": size, "unit": "samples", "error": _percent(errors[worst]), "worst": worst}
    if margin:
        power = {"power": _percent(chances(0.025, 0.025)[passes].sum()), "of": "equal, 5 % discordant"}
        return {"rule": f"accuracy loses at most {margin:g}", **facts, **power, "exact": None}
    mcnemar = chances(0.15, 0.05)[stats.binom.sf(gained - 1, gained + lost, 0.5) <= PLAN.tail].sum()
    power = {"power": _percent(chances(0.15, 0.05)[passes].sum()), "of": "10 points better, 20 % discordant"}
    return {"rule": "accuracy better than a control", **facts, **power, "exact": _percent(mcnemar)}


def _percent(share: float) -> float:
    return round(100 * float(share), 2)


def tables(measured: list[dict[str, object]]) -> str:
    """As docs/gates.md shows them: error / power at each size, in %; a dash where that was not measured."""
    lines = []
    for unit in ("samples", "groups"):
        of = [m for m in measured if m["unit"] == unit]
        sizes = sorted({int(str(m["n"])) for m in of})
        lines += [
            "",
            f"| rule | {' | '.join(map(str, sizes))} {unit} | power for |",
            "|---" * (len(sizes) + 2) + "|",
        ]
        lines += [
            _line(rule, [m for m in of if m["rule"] == rule], sizes)
            for rule in dict.fromkeys(str(m["rule"]) for m in of)
        ]
    return "\n".join(lines)


def _line(rule: str, of: list[dict[str, object]], sizes: list[int]) -> str:
    cells = {m["n"]: f"{m['error']:.1f} / {m['power']:.0f}" for m in of}
    exact = [f"{m['exact']:.0f}" for m in of if m["exact"] is not None]
    known = f" (exact test: {', '.join(exact)})" if exact else ""
    return f"| {rule} | {' | '.join(cells.get(size, '–') for size in sizes)} | {of[0]['of']}{known} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="samples drawn for each population")
    repeats = parser.parse_args().repeats
    measured = [accuracy(size) for size in SIZES]
    measured += [difference(size, margin) for margin in (0.0, 0.05, 0.02) for size in SIZES]
    for row in rows():
        measured += [measure(row, size, repeats) for size in row.sizes]
    near = {f"above {above} %": more * repeats for above, more in NEAR}
    publish("guarantees", {"repeats": repeats, "repeats_of_errors": near, "rules": measured})
    print(tables(measured))


if __name__ == "__main__":
    main()
