"""Error and power of rules on accuracy and on its difference, enumerated, and those of the exact test of each."""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from benchmarks.populations import Floats
from components.evaluation.binomial import clopper_pearson, paired_shares
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


def difference(size: int, at: float, gain: tuple[float, float] = (0.15, 0.05)) -> Measured:
    """Every count of decisions gained and lost, at twelve shares of discordant ones, where the difference is `at`.

    Args:
        at: the bound. Below 0, so much may be lost; else a control is to be beaten by more.
        gain: shares gained and lost of a model that is better than a control.

    The exact test is McNemar's where a control is to be beaten by whatever it is, else `unconditional`.
    """
    gained, lost = _tables(size)
    low, _ = paired_shares(gained, lost, size, PLAN.tail)
    passes = low >= at if at < 0 else low > at
    chances = _chances(size, gained, lost)
    errors = {
        f"{s:.0%} discordant": chances((s + at) / 2, (s - at) / 2)[passes].sum() for s in _discordant(at)
    }
    if at < 0:
        rule, of, better = f"accuracy loses at most {-at:g}", "equal, 5 % discordant", (0.025, 0.025)
    else:
        rule = "accuracy better than a control" + (f" by more than {at:g}" if at else "")
        of, better = (
            f"{100 * (gain[0] - gain[1]):.0f} points better, {100 * sum(gain):.0f} % discordant",
            gain,
        )
    exact = unconditional(size, at) if at else stats.binom.sf(gained - 1, gained + lost, 0.5) <= PLAN.tail
    chosen = chances(*better)
    power = {"power": _percent(chosen[passes].sum()), "of": of, "exact": _percent(chosen[exact].sum())}
    return _facts(rule, size, errors) | power


def _discordant(at: float) -> Floats:
    """Shares of decisions that differ: from where all of them are gained, or lost, and closely above it."""
    least = max(abs(at), 0.01)
    return np.append(least * np.array([1.0, 1.15, 1.3]), np.linspace(least, MOST_DISCORDANT, 12)[1:])


def unconditional(size: int, at: float) -> np.ndarray:
    """Which counts of `_tables` the exact unconditional test of a difference above `at` passes, by Tango's score.

    It passes as many as keep the error within the tail whatever the share that is discordant.
    Source: Sidik, "Exact unconditional tests for testing non-inferiority in matched-pairs design", Statistics in
    Medicine 22 (2003).
    """
    gained, lost = _tables(size)
    scores = np.round(_score(gained, lost, size, at), 9)
    _, place = np.unique(-scores, return_inverse=True)
    chances = _chances(size, gained, lost)
    worst = np.zeros(place.max() + 1)
    for share in np.linspace(abs(at), 1, NUISANCE):
        each = np.bincount(place, weights=chances((share + at) / 2, (share - at) / 2))
        worst = np.maximum(worst, np.cumsum(each))
    return np.asarray((worst <= PLAN.tail + 1e-12)[place])


def _score(gained: Floats, lost: Floats, size: int, at: float) -> Floats:
    """Tango's score of a difference of `at`: with q, the likeliest share lost that gives such a difference.

    Of z = gained - lost - size·at over its standard error; q solves 2·size·q² + b·q - lost·at·(1 - at) = 0.
    """
    b = (2 * size - gained + lost) * at - gained - lost
    q = (np.sqrt(np.maximum(b**2 + 8 * size * lost * at * (1 - at), 0)) - b) / (4 * size)
    variance = size * np.maximum(2 * q + at * (1 - at), 1e-300)
    return np.asarray((gained - lost - size * at) / np.sqrt(variance))


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
