"""Groups of samples in metrics.json: what was measured on each, and what people are shown of it."""

import math
from collections.abc import Sequence

from components.evaluation.judged import Facts, lower_is_better, mapping, within
from components.params.fairness import FairnessParams

TPR, CALIBRATION = "true-positive rate", "calibration error"


def shown(fairness: FairnessParams | None, variant: str, metrics: Facts) -> list[dict[str, object]]:
    """What verdict.json says of the groups for people: a mapping for each column, its worst group first."""
    if fairness is None:
        return []
    known = mapping(metrics.get("metrics"))
    names = dict.fromkeys((fairness.metric, *measuring(TPR, known), *measuring(CALIBRATION, known)))
    return [_shown(name, fairness, list(names), (variant, metrics)) for name in fairness.columns]


def _shown(
    name: str, fairness: FairnessParams, names: Sequence[str], evaluated: tuple[str, Facts]
) -> dict[str, object]:
    variant, metrics = evaluated
    groups, metric = groups_of(name, variant, metrics), fairness.metric
    turn = 1 if lower_is_better(metric, metrics) else -1

    def badness(value: str) -> float:
        found = within(mapping(groups[value].get(metric)).get("estimate"), -math.inf, math.inf)
        return -math.inf if found is None else turn * found

    listed = [
        {
            "group": value,
            "n": size_of(groups[value]),
            "judged": size_of(groups[value]) >= fairness.least,
            **{m: mapping(groups[value].get(m)) for m in names},
        }
        for value in sorted(groups, key=badness, reverse=True)
    ]
    return {"column": name, "metric": metric, "measured": list(names), "groups": listed}


def groups_of(column: str, variant: str, metrics: Facts) -> dict[str, Facts]:
    """Value of the column → the variant's metrics on its test samples; samples without a value are of no group.

    Where domains are declared, the test side is the target's: the source's groups are those of its own test samples.
    """
    found: dict[str, Facts] = {}
    for slices in (mapping(metrics.get("source")).get("slices"), metrics.get("slices")):
        for name, variants in mapping(slices).items():
            of, _, value = str(name).partition("=")
            if of == column and value:
                found[value] = mapping(mapping(variants).get(variant))
    return found


def size_of(facts: Facts) -> int:
    """Samples of a group: metrics of one class are of fewer."""
    counts = [n for v in facts.values() if isinstance(n := mapping(v).get("n"), int)]
    return max(counts, default=0)


def measuring(what: str, known: Facts) -> list[str]:
    return [name for name, facts in known.items() if mapping(facts).get("measures") == what]
