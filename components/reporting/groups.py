"""Fairness: each column of groups, the worst group in words first, then all of them as bars and as a table."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from components.reporting.bars import unit_bar
from components.reporting.judgement import Figure, Grid, RuleRow, grid, rule_row
from components.reporting.material import Material, Object, mapping, sequence
from components.reporting.notation import ends, number, title


@dataclass(frozen=True)
class Groups:
    """The groups of a column.

    Attributes:
        words: which is the worst, and how far it is from the best.
        figures: the metric of each group, the worst first, on one scale.
        table: every metric that a rule may ask for.
        rules: of the gate, about this column.
    """

    column: str
    metric: str
    words: str
    figures: tuple[Figure, ...]
    table: Grid
    rules: tuple[RuleRow, ...]


def groups(material: Material) -> list[Groups]:
    """One for each column of `gate.fairness` that verdict.json tells of."""
    return [_groups(mapping(column), material) for column in sequence(material.verdict.get("fairness"))]


def _groups(column: Object, material: Material) -> Groups:
    rules, titles = list(map(mapping, sequence(material.verdict.get("rules")))), material.titles
    name, metric = str(column.get("column", "")), str(column.get("metric", ""))
    listed = [mapping(item) for item in sequence(column.get("groups"))]
    known = [item for item in listed if _estimate(item, metric) is not None]
    measured = tuple(str(item) for item in sequence(column.get("measured")))
    table = grid(
        {_name(item): {m: mapping(item.get(m)) for m in measured} | {"n": item.get("n")} for item in listed},
        titles,
        measured,
    )
    about = [r for r in rules if r.get("kind") == "fairness" and f" of {name} " in str(r.get("rule"))]
    return Groups(
        name,
        title(metric, titles),
        worst(column, titles),
        _figures(known, metric),
        table,
        tuple(rule_row(rule, material.rule_words) for rule in about),
    )


def worst(column: Object, titles: Mapping[str, str]) -> str:
    """The worst group of a column and the best one, in words."""
    metric = str(column.get("metric", ""))
    listed = [mapping(item) for item in sequence(column.get("groups"))]
    known = [item for item in listed if _estimate(item, metric) is not None]
    if not known:
        return f"No group of {column.get('column', '')} was measured."
    first, last = known[0], known[-1]
    said = f"{title(metric, titles)} is worst for {_said(first, metric)}"
    return said + (
        f", best for {_said(last, metric)}." if len(known) > 1 else ": no other group was measured."
    )


def _said(item: Object, metric: str) -> str:
    facts = mapping(item.get(metric))
    interval, n = ends(facts) or "no interval", number(facts.get("n"))
    return f"{item.get('group')}: {_estimate(item, metric):.3f} ({interval}, {n or 0:.0f} samples)"


def _name(item: Object) -> str:
    return f"{item.get('group')}{'' if item.get('judged', True) else ' (not judged: too few samples)'}"


def _estimate(item: Object, metric: str) -> float | None:
    return number(mapping(item.get(metric)).get("estimate"))


def _figures(known: list[Object], metric: str) -> tuple[Figure, ...]:
    """On one scale, from 0 to 1 or as far as any interval reaches."""
    ends = [
        number(mapping(item.get(metric)).get(key)) for item in known for key in ("low", "high", "estimate")
    ]
    values = [end for end in ends if end is not None]
    scale = (min([0.0, *values]), max([1.0, *values]))
    return tuple(_figure(item, metric, scale) for item in known)


def _figure(item: Object, metric: str, scale: tuple[float, float]) -> Figure:
    facts, estimate = mapping(item.get(metric)), _estimate(item, metric) or 0.0
    low, high = number(facts.get("low")), number(facts.get("high"))
    if low is None or high is None:
        return Figure(_name(item), f"{estimate:.3f}", str(facts.get("reason") or ""), Markup(""))
    bar = unit_bar(low, estimate, high, scale)
    return Figure(_name(item), f"{estimate:.3f}", ends(facts), bar)
