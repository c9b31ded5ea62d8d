"""Error and power of rules on accuracy and on its difference, enumerated, and those of the exact test of each."""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from benchmarks.populations import Floats
from components.evaluation.binomial import clopper_pearson, tango
from components.evaluation.spread import Plan

PLAN = Plan(confidence=0.95)
MOST_DISCORDANT = 0.6  # of all decisions: two models that differ in more are not what a promotion compares
NUISANCE = 60  # discordant shares up to 1 over which the exact test of a margin is held to its error
Chances = Callable[[float, float], Floats]
Measured = dict[str, object]


def accuracy(size: int, at: float = 0.95, bound: float = 0.9) -> Measured:
    """Every count of right samples, at 14 rates; the exact test is the binomial one."""
    right = np.arange(size + 1)
    low, _ = clopper_pearson(right, size, PLAN.tail)
    rates = (*np.arange(0.5, 0.99, 0.05), 0.82, 0.98, 0.99, 0.995)
    errors = {f"rate {rate:.3g}": stats.binom.pmf(right, size, rate)[low >= rate].sum() for rate in rates}
    chances = stats.binom.pmf(right, size, at)
    exact = chances[stats.binom.sf(right - 1, size, bound) <= PLAN.tail].sum()
    facts = _facts("accuracy at least", size, errors)
    power = {"power": _percent(chances[low >= bound].sum()), "of": f"{at:g} for {bound:g}"}
    return facts | power | {"exact": _percent(exact)}


def difference(size: int, margin: float, gain: tuple[float, float] = (0.15, 0.05)) -> Measured:
    """Every count of decisions gained and lost, at twelve shares of discordant ones.

    Args:
        margin: that may be lost; 0: a control is to be beaten.
        gain: shares gained and lost of a model that is better than a control.

    Against a control, the exact test is McNemar's; with a margin, `unconditional`.
    """
    gained, lost = _tables(size)
    low, _ = tango(gained, lost, size, stats.norm.isf(PLAN.tail))
    passes = low >= -margin if margin else low > 0
    chances = _chances(size, gained, lost)
    shares = np.linspace(max(margin, 0.01), MOST_DISCORDANT, 12)
    errors = {
        f"{s:.0%} discordant": chances((s - margin) / 2, (s + margin) / 2)[passes].sum() for s in shares
    }
    if margin:
        rule, of, better = f"accuracy loses at most {margin:g}", "equal, 5 % discordant", (0.025, 0.025)
        exact = unconditional(size, margin)
    else:
        off, all_ = gain[0] - gain[1], sum(gain)
        rule, of = "accuracy better than a control", f"{100 * off:.0f} points better, {all_:.0%} discordant"
        of, better = of.replace("%", " %"), gain
        exact = stats.binom.sf(gained - 1, gained + lost, 0.5) <= PLAN.tail
    at = chances(*better)
    power = {"power": _percent(at[passes].sum()), "of": of, "exact": _percent(at[exact].sum())}
    return _facts(rule, size, errors) | power


def unconditional(size: int, margin: float) -> np.ndarray:
    """Which counts of `_tables` the exact unconditional test passes, ordered by the score without correction.

    It passes as many as keep the error within the tail whatever the share that is discordant.
    Source: Sidik, "Exact unconditional tests for testing non-inferiority in matched-pairs design", Statistics in
    Medicine 22 (2003).
    """
    gained, lost = _tables(size)
    scores = np.round(_score(gained, lost, size, margin), 9)
    _, place = np.unique(-scores, return_inverse=True)
    chances = _chances(size, gained, lost)
    worst = np.zeros(place.max() + 1)
    for share in np.linspace(margin, 1, NUISANCE):
        each = np.bincount(place, weights=chances((share - margin) / 2, (share + margin) / 2))
        worst = np.maximum(worst, np.cumsum(each))
    return np.asarray((worst <= PLAN.tail + 1e-12)[place])


def _score(gained: Floats, lost: Floats, size: int, margin: float) -> Floats:
    """Tango's score of a difference of -margin: with q, the likeliest share lost that gives such a difference."""
    a, b = 2 * size, (2 * size + gained - lost) * -margin - gained - lost
    c = lost * margin * (1 + margin)
    q = (np.sqrt(np.maximum(b**2 + 4 * a * c, 0)) - b) / (2 * a)
    variance = size * np.maximum(2 * q - margin * (1 + margin), 1e-300)
    return np.asarray((gained - lost + size * margin) / np.sqrt(variance))


def _tables(size: int) -> tuple[Floats, Floats]:
    """All counts gained and lost."""
    gained, lost = (v.ravel() for v in np.meshgrid(*[np.arange(size + 1.0)] * 2))
    possible = gained + lost <= size
    return gained[possible], lost[possible]


def _chances(size: int, gained: Floats, lost: Floats) -> Chances:
    counts = (gained, lost, size - gained - lost)
    ways = special.gammaln(size + 1) - sum(special.gammaln(count + 1) for count in counts)

    def chances(plus: float, minus: float) -> Floats:
        shares = np.maximum((plus, minus, 1 - plus - minus), 0)
        logs = sum(special.xlogy(count, share) for count, share in zip(counts, shares, strict=True))
        return np.asarray(np.exp(ways + logs))

    return chances


def _facts(rule: str, size: int, errors: dict[str, float]) -> Measured:
    worst = max(errors, key=lambda name: errors[name])
    return {"rule": rule, "n": size, "unit": "samples", "error": _percent(errors[worst]), "worst": worst}


def _percent(share: float) -> float:
    return round(100 * float(share), 2)
