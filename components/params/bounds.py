"""Bounds in params.yaml against what a metric can be: an accuracy of at least 82 lies outside 0 to 1."""

import math
import re
from collections.abc import Iterator, Mapping

from components.params import plugins
from components.params.learning import AUTO
from components.params.promotion import PromotionParams
from components.params.release import GateParams
from components.params.task import TaskParams

Ends = tuple[float, float]


def bounds(task: TaskParams, gate: GateParams) -> Iterator[str]:
    """Of section `gate`."""
    ranges, best = _ranges(task), plugins.best(task.problem)
    for number, rule in enumerate(gate.rules, 1):
        for key in ("at_least", "at_most"):
            yield from _outside(f"gate.rules, entry {number}, {key}", getattr(rule, key), rule.metric, ranges)
            yield from _turned(f"gate.rules, entry {number}, {key}", getattr(rule, key), rule.metric, task)
    if (fairness := gate.fairness) is not None:
        metric = best if fairness.metric == AUTO else fairness.metric
        for key in ("worst_at_least", "worst_at_most"):
            yield from _outside(f"gate.fairness.{key}", getattr(fairness, key), metric, ranges)
            yield from _turned(f"gate.fairness.{key}", getattr(fairness, key), metric, task)
        yield from _too_far("gate.fairness.gap_at_most", fairness.gap_at_most, metric, ranges)
    controls = gate.better_than_controls
    metric = best if controls.metric == AUTO else controls.metric
    yield from _too_far("gate.better_than_controls.margin", controls.margin, metric, ranges)
    if gate.forgetting is not None:
        metric = _kept(task) if gate.forgetting.metric == AUTO else gate.forgetting.metric
        yield from _too_far("gate.forgetting.at_most", gate.forgetting.at_most, metric, ranges)


def margins(task: TaskParams, promotion: PromotionParams) -> Iterator[str]:
    """Of section `promotion`."""
    ranges = _ranges(task)
    for name, margin in promotion.margins.items():
        yield from _too_far(f"promotion.margins.{name}", margin, name, ranges)
    slices = promotion.slices
    metric = _kept(task) if slices.metric == AUTO else slices.metric
    yield from _too_far("promotion.slices.at_most", slices.at_most, metric, ranges)
    for name, allowance in slices.of.items():
        yield from _too_far(f"promotion.slices.of.{name}", allowance, metric, ranges)


def _ranges(task: TaskParams) -> Mapping[str, Ends]:
    """Metric → least and greatest value, of those for which the problem says so."""
    found: Mapping[str, Ends] = plugins.fact("problems", task.problem, "RANGES", {})
    return found


def _kept(task: TaskParams) -> str:
    return str(plugins.fact("problems", task.problem, "KEPT"))


def _outside(key: str, bound: float | None, metric: str, ranges: Mapping[str, Ends]) -> Iterator[str]:
    """What nothing can reach, or nothing can miss."""
    least, most = ranges.get(metric, (-math.inf, math.inf))
    if bound is not None and not least <= bound <= most:
        percent = least <= bound / 100 <= most and most == 1
        hint = f"; {bound:g} percent is written {bound / 100:g}" if percent else ""
        yield f"{key} is {bound:g}, outside the range of {metric}; allowed: {_shown(least, most)}{hint}"


def _turned(key: str, bound: float | None, metric: str, task: TaskParams) -> Iterator[str]:
    """A bound on the side where a metric is better: it would refuse good models, and pass the others."""
    better = plugins.fact("problems", task.problem, "METRICS").get(metric)
    wrong, right = ("at_most", "at_least") if better == "higher" else ("at_least", "at_most")
    if better and bound is not None and key.endswith(wrong):
        yield f"{key}: {metric} is better when {better}: write {re.split('[. ]', key)[-1].replace(wrong, right)}"


def _too_far(key: str, margin: float | None, metric: str, ranges: Mapping[str, Ends]) -> Iterator[str]:
    """A difference that is larger than the whole range."""
    least, most = ranges.get(metric, (-math.inf, math.inf))
    if margin is not None and margin > most - least:
        hint = f"; {margin:g} percent is written {margin / 100:g}" if most == 1 and margin <= 100 else ""
        yield f"{key} is {margin:g}, more than {metric} can differ by; allowed: 0 to {most - least:g}{hint}"


def _shown(least: float, most: float) -> str:
    if math.isinf(most):
        return f"{least:g} or more"
    return f"{most:g} or less" if math.isinf(least) else f"{least:g} to {most:g}"
