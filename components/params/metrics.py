"""Names of metrics: whether the problem has them."""

from collections.abc import Collection, Iterator, Mapping

from components.errors import meant
from components.params import plugins
from components.params.base import Section
from components.params.learning import AUTO, HeadParams, SelectParams
from components.params.promotion import PromotionParams
from components.params.release import GateParams
from components.params.task import TaskParams
from components.params.tuning import TuneParams


def head_metric(task: TaskParams, head: HeadParams) -> Iterator[str]:
    yield from _unknown(task, {"head.metric": head.metric})


def select_metric(task: TaskParams, select: SelectParams) -> Iterator[str]:
    yield from _unknown(task, {"select.metric": select.metric})


def gate_metrics(task: TaskParams, gate: GateParams) -> Iterator[str]:
    parts: Mapping[str, str] = plugins.fact("problems", task.problem, "PARTS")
    whole, rules = plugins.fact("problems", task.problem, "METRICS"), dict[str, str]()
    for place, rule in enumerate(gate.rules, 1):
        of = parts.get(rule.metric)
        if of is None:
            rules[f"gate.rules, entry {place}, metric"] = rule.metric
        if of is not None and rule.of is None and rule.metric not in whole:
            yield f"gate.rules, entry {place}: {rule.metric} is of one {of}: name it, `{of}: NAME`"
        if of is None and rule.of is not None:
            known, word = ", ".join(parts) or "no metric", next(iter(parts.values()), "class")
            yield f"gate.rules, entry {place}: {rule.metric} is of all; {word} goes with {known}: leave it out"
    yield from _unknown(task, rules, parts)
    named = {"gate.better_than_controls.metric": gate.better_than_controls.metric}
    if gate.forgetting is not None:
        named["gate.forgetting.metric"] = gate.forgetting.metric
    if gate.fairness is not None:
        named["gate.fairness.metric"] = gate.fairness.metric
    yield from _unknown(task, named)


def promotion_metrics(task: TaskParams, promotion: PromotionParams) -> Iterator[str]:
    parts = plugins.fact("problems", task.problem, "PARTS")
    named = {
        f"promotion.margins.{name}": name
        for name in promotion.margins
        if name not in parts and name.partition(" of ")[0] not in parts
    }
    named |= {"promotion.metric": promotion.metric, "promotion.slices.metric": promotion.slices.metric}
    yield from _unknown(task, named)


def best_by(task: TaskParams, tune: TuneParams) -> Iterator[str]:
    allowed = ("loss", *plugins.fact("problems", task.problem, "BEST_BY"))
    if tune.best_by not in allowed:
        hint = meant(tune.best_by, allowed) or "."
        yield f"tune.best_by: {tune.best_by!r} is not allowed{hint} Allowed: {', '.join(allowed)}"


def _unknown(task: TaskParams, named: Mapping[str, str], parts: Collection[str] = ()) -> Iterator[str]:
    """Of metrics by the key that names them; `parts` are those of one part of a target that it may name, too."""
    allowed = (AUTO, *dict.fromkeys((*plugins.fact("problems", task.problem, "METRICS"), *parts)))
    for key, name in named.items():
        if name not in allowed:
            hint = _of_another(name) or meant(name, allowed) or "."
            yield f"{key}: {name!r} is not allowed{hint} Allowed: {', '.join(allowed)}"


def _of_another(metric: str) -> str:
    """Which problems have it."""
    have = [
        name
        for name in plugins.names("problems")
        if metric in {**plugins.fact("problems", name, "METRICS"), **plugins.fact("problems", name, "PARTS")}
    ]
    return f"; it belongs to task.problem {' or '.join(have)}." if have else ""


def unknown_metrics(task: Section, values: Mapping[str, object], valid: Collection[str]) -> list[str]:
    """Wrong names of metrics in sections that are not `valid`: what else is wrong there must not hide them."""
    assert isinstance(task, TaskParams)
    found: dict[str, str] = {}
    for section in ("head", "select", "gate.better_than_controls", "gate.forgetting", "gate.fairness"):
        top, _, below = section.partition(".")
        held = values.get(top)
        if below:
            held = held.get(below) if isinstance(held, dict) else None
        if top not in valid and isinstance(held, dict) and isinstance(held.get("metric"), str):
            found[f"{section}.metric"] = held["metric"]
    gate = values.get("gate")
    rules = gate.get("rules") if isinstance(gate, dict) and "gate" not in valid else None
    named = {
        f"gate.rules, entry {place}, metric": rule["metric"]
        for place, rule in enumerate(rules if isinstance(rules, list) else (), 1)
        if isinstance(rule, dict) and isinstance(rule.get("metric"), str)
    }
    parts = plugins.fact("problems", task.problem, "PARTS")
    return [*_unknown(task, named, parts), *_unknown(task, found)]
