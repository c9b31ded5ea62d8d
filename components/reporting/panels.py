"""The problem's charts, drawn: it says which table is drawn how, and nothing here knows a problem or its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from components.problems.shown import Chart, Words
from components.reporting import charts, residuals
from components.reporting.material import Material, Table, column, points
from components.reporting.notation import number
from components.reporting.svg import Point
from components.storage.cells import unescape

MOST = 10  # rows of a table
LINES: Mapping[str, Callable[[Sequence[Point], str, str], Markup]] = {
    "roc": charts.roc,
    "curve": charts.curve,
    "scatter": residuals.scatter,
    "residuals": residuals.errors,
}


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix: count, share of its row, whether it is on the diagonal."""

    count: int
    share: float
    right: bool


Matrix = Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class Drawn:
    """A chart as a picture, as a confusion matrix, or as rows of a table with its header and how many rows there are
    besides."""

    title: str
    note: str
    picture: str = ""
    matrix: Matrix = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    left: int = 0


class DrawnPanel(NamedTuple):
    """Charts beside each other, and facts below them."""

    title: str
    charts: Sequence[Drawn]
    facts: Sequence[Words]


def panels(material: Material) -> list[DrawnPanel]:
    """What the problem shows of its evaluation; nothing before there is one."""
    if not material.metrics:
        return []
    found = []
    for panel in material.show.panels(material.metrics):
        drawn = [made for chart in panel.charts if (made := _drawn(chart, material.table(chart.file)))]
        if drawn:
            found.append(DrawnPanel(panel.title, drawn, panel.facts))
    return found


def _drawn(chart: Chart, table: Table) -> Drawn | None:
    """None where there is nothing to draw."""
    rows = [row for row in table if all(unescape(row.get(k) or "") == v for k, v in chart.rows.items())]
    if not rows:
        return None
    if chart.kind == "matrix":
        return Drawn(chart.title, chart.note, matrix=matrix(rows, chart.columns, chart.names))
    if chart.kind == "table":
        cells = [[unescape(row.get(name) or "") for name in chart.columns] for row in rows[:MOST]]
        header = [name.replace("_", " ") for name in chart.columns]
        return Drawn(chart.title, chart.note, header=header, rows=cells, left=len(rows) - len(cells))
    picture = _picture(chart, rows)
    return Drawn(chart.title, chart.note, picture) if picture else None


def _picture(chart: Chart, rows: Table) -> Markup:
    x, y, *more = chart.columns
    names, found = (x.replace("_", " "), y.replace("_", " ")), points(rows, x, y)
    if chart.kind == "reliability":
        return charts.reliability(found, column(rows, more[0]) if more else [], *names)
    if chart.kind == "coverage":
        return residuals.widths(found, chart.nominal)
    return LINES[chart.kind](found, *names)


def matrix(table: Table, columns: Sequence[str], names: Sequence[str]) -> Matrix:
    """Rows of actual × decided, from one line a sample, or one a cell with its count in a third column."""
    actual, decided, *more = columns
    counts: dict[tuple[str, str], int] = {}
    for row in table:
        key = (unescape(row.get(actual) or ""), unescape(row.get(decided) or ""))
        counts[key] = counts.get(key, 0) + int(number(row.get(more[0])) or 0 if more else 1)
    names = names or sorted({name for key in counts for name in key})
    return [(name, _line(counts, name, names)) for name in names]


def _line(counts: Mapping[tuple[str, str], int], actual: str, names: Sequence[str]) -> Sequence[Cell]:
    cells = [counts.get((actual, name), 0) for name in names]
    total = sum(cells) or 1
    return [Cell(n, n / total, actual == name) for n, name in zip(cells, names, strict=True)]
