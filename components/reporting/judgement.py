"""Verdict, headline metrics, slices, variants and controls: numbers with their intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from components.reporting.bars import interval_bar, unit_bar
from components.reporting.material import Material, Object, mapping, sequence
from components.reporting.notation import ends, figure, number, title

COLUMNS = 3  # metrics in a table of models
SENTENCES = {
    "pass": "Every rule holds. The release may be registered.",
    "fail": "At least one rule does not hold. The release will not be registered.",
    "inconclusive": "At least one rule can be neither shown nor refuted. The release will not be registered.",
    "missing": "Nothing has been judged yet. The release will not be registered.",
}


@dataclass(frozen=True)
class Figure:
    """A number with its interval (or why there is none), as text and as a bar.

    Attributes:
        change: of a difference: better or worse where its interval excludes 0, else open.
    """

    name: str
    value: str
    interval: str
    bar: Markup
    change: str = ""


@dataclass(frozen=True)
class RuleRow:
    """One rule: what it asks, what came out, and the evidence as text and as a bar."""

    name: str
    outcome: str
    evidence: str
    bar: Markup


@dataclass(frozen=True)
class Row:
    """A line of a table: its name and one cell a column; a cell that is unknown is a dash."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of figures."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def verdict(found: Object) -> str:
    """`pass`, `fail`, `inconclusive`, or `missing` for anything else."""
    said = str(found.get("verdict", "missing"))
    return said if said in SENTENCES else "missing"


def rules(found: Object, words: Callable[[str], str] = str) -> list[RuleRow]:
    """The rules of a verdict, those that do not hold first.

    Args:
        words: of a rule, for people.
    """
    order = ("fail", "inconclusive", "missing", "pass")
    rows = [rule_row(mapping(rule), words) for rule in sequence(found.get("rules"))]
    return sorted(rows, key=lambda row: order.index(row.outcome) if row.outcome in order else 0)


def rule_row(rule: Object, words: Callable[[str], str] = str) -> RuleRow:
    evidence = rule.get("evidence")
    facts = {**rule, **mapping(rule.get("interval")), **mapping(evidence)}
    name = next(
        (str(rule[key]) for key in ("rule", "name", "metric") if rule.get(key)), "rule without a name"
    )
    outcome = next(
        (str(rule[key]) for key in ("outcome", "verdict", "result", "status") if key in rule), "missing"
    )
    said = evidence if isinstance(evidence, str) else rule.get("message") or rule.get("reason") or ""
    return RuleRow(
        _signs(words(name)), outcome, _signs(str(said or figure(facts) or "no evidence")), _rule_bar(facts)
    )


def figures(metrics: object, titles: Mapping[str, str], known: object = None) -> list[Figure]:
    """Metrics by name → figures of those that have a title, in their order.

    `known` is `metrics` of metrics.json, which says within which range each lies: bars of 0 to 1 compare.
    """
    found = mapping(metrics)
    return [
        _figure(title(name, titles), found[name], unit=_of_unit(mapping(known).get(name)))
        for name in titles
        if _estimate(found.get(name)) is not None
    ]


def _of_unit(known: object) -> bool:
    """Whether a metric lies between 0 and 1, as all did that metrics.json says nothing of."""
    ends = mapping(known).get("range")
    return ends is None or [number(end) for end in sequence(ends)] == [0.0, 1.0]


def differences(paired: object, titles: Mapping[str, str], known: object) -> list[Figure]:
    """The same for paired differences: signed, with 0 as the bound, and the better side tinted.

    `known` is `metrics` of metrics.json, which says which way is better.
    """
    return [
        _figure(
            title(name, titles),
            value,
            difference=True,
            downwards=mapping(mapping(known).get(name)).get("better") == "lower",
        )
        for name, value in mapping(paired).items()
        if _estimate(value) is not None
    ]


def grid(models: object, titles: Mapping[str, str], names: tuple[str, ...] = ()) -> Grid:
    """Models or slices × metrics, each cell `0.912 (0.891 to 0.930)`; with the number of samples at the end.

    Without `names`, the first few that have a title and that one of the models has.
    """
    rows = []
    there = {name for values in mapping(models).values() for name in mapping(values)}
    names = names or tuple(name for name in titles if name in there)[:COLUMNS]
    for name, values in mapping(models).items():
        found = mapping(values)
        cells = [_cell(found.get(metric)) for metric in names]
        counts = [number(mapping(value).get("n")) for value in found.values()] + [number(found.get("n"))]
        count = next((n for n in counts if n is not None), None)
        rows.append(Row(str(name), (*cells, "–" if count is None else f"{count:.0f}")))
    return Grid((*(title(name, titles) for name in names), "Samples"), tuple(rows))


def parts(rows: Mapping[str, Mapping[str, object]], titles: Mapping[str, str]) -> Grid:
    """Parts of a target × metrics; how many samples have a part stands at the end."""
    names = tuple(name for name in next(iter(rows.values()), {}) if name != "samples")
    return Grid(
        (*(title(name, titles) for name in names), "Samples"),
        tuple(
            Row(
                name,
                (*(_cell(found[metric]) for metric in names), f"{_estimate(found.get('samples')) or 0:.0f}"),
            )
            for name, found in rows.items()
        ),
    )


def variants(material: Material) -> Grid:
    """Every file of the release: metrics, size, and what differs from torch."""
    found = mapping(material.metrics.get("variants"))
    table = grid(found, material.titles)
    rows = [
        Row(row.name, (*row.cells[:-1], _size(material, row.name), *_parity(material, row.name)))
        for row in table.rows
    ]
    return Grid((*table.columns[:-1], "Size", "Difference from torch", "Changed decisions"), tuple(rows))


def _figure(
    name: str, value: object, difference: bool = False, downwards: bool = False, unit: bool = True
) -> Figure:
    facts = value if isinstance(value, Mapping) else {"estimate": value}
    estimate = number(facts.get("estimate")) or 0.0
    low, high = number(facts.get("low")), number(facts.get("high"))
    form = "+.3f" if difference else ".3f"
    if low is None or high is None:
        return Figure(name, f"{estimate:{form}}", str(facts.get("reason") or ""), Markup(""))
    text = f"{estimate:{form}}", ends(facts, form)
    if not difference:
        return Figure(name, *text, (unit_bar if unit else interval_bar)(low, estimate, high))
    change = "open" if low <= 0 <= high else "better" if (low > 0) != downwards else "worse"
    return Figure(name, *text, interval_bar(low, estimate, high, 0.0, upwards=not downwards), change)


def _signs(words: str) -> str:
    return words.replace("<=", "≤").replace(">=", "≥")


def _rule_bar(facts: Object) -> Markup:
    low, high, estimate = (number(facts.get(key)) for key in ("low", "high", "estimate"))
    if estimate is None:
        return Markup("")
    least, most = number(facts.get("at_least")), number(facts.get("at_most"))
    bounds = (least, most, number(facts.get("bound")), number(facts.get("margin")))
    bound = next((value for value in bounds if value is not None), None)
    downwards = most is not None or str(facts.get("direction", facts.get("sign", ""))) in (
        "at_most",
        "<=",
        "<",
    )
    low, high = (estimate, estimate) if low is None or high is None else (low, high)
    return interval_bar(low, estimate, high, bound, upwards=not downwards)


def _estimate(value: object) -> float | None:
    return number(value.get("estimate") if isinstance(value, Mapping) else value)


def _cell(value: object) -> str:
    return figure(value) or "–"


def _size(material: Material, variant: str) -> str:
    names = {"fp32": "model.onnx", "release": "model.onnx"}
    files = mapping(material.release.get("files"))
    size = number(mapping(files.get(names.get(variant, f"model.{variant}.onnx"))).get("size"))
    return "–" if size is None else f"{size / 1e6:.1f} MB"


def _parity(material: Material, variant: str) -> tuple[str, str]:
    """Largest difference of a probability from torch, and decisions that changed."""
    found = mapping(material.parity.get(variant))
    difference, changed = number(found.get("max_difference")), number(found.get("changed_decisions"))
    return (
        "–" if difference is None else f"{difference:.1e}",
        "–" if changed is None else f"{changed:.0f}",
    )
