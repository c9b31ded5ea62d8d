"""What people see of a problem as plain data, for the report to draw; and what a problem shows that says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # pages that show no problem do without these imports
    from components.evaluation.intervals import Interval
    from components.evaluation.spread import Plan
    from components.problems.base import Description, Fitted
    from components.problems.operation import Wrong

Words = tuple[str, str]  # a name and what is said of it
# How a chart is drawn, and what its columns are:
#     table        any columns: the first rows as they are
#     matrix       actual, decided, and the count where a row is not one sample: a confusion matrix
#     reliability  confidence, share that was right, count: dots beside the diagonal
#     roc          false and true positive rate, from 0 to 1
#     curve        x, y from 0 to 1: a line
#     scatter      target, prediction: dots beside the diagonal
#     residuals    target, prediction: their difference over the prediction
#     coverage     width as a share of the shipped interval, share of the targets within
Kind = Literal["table", "matrix", "reliability", "roc", "curve", "scatter", "residuals", "coverage"]
RELIABLE = "On the diagonal, confidence is honest. A dot's area is its share of samples."
NARROW_SPACE = "\u202f"  # between thousands
MOST = 20  # items of a list in words


@dataclass(frozen=True)
class Chart:
    """A table of the evaluation, and how it is drawn. One that has no rows is left out.

    Attributes:
        file: as `Judge.tables` names it.
        columns: of the file, as the kind asks for them.
        note: a sentence below the chart.
        rows: column → value: only rows that have it are drawn.
        names: of a matrix's rows and columns, in their order.
        nominal: of `coverage`: the share that is promised at a width of 1.
    """

    title: str
    kind: Kind
    file: str
    columns: Sequence[str]
    note: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    nominal: float | None = None


@dataclass(frozen=True)
class Panel:
    """Charts beside each other, under a title where there are several panels, and facts below them."""

    charts: Sequence[Chart]
    title: str = ""
    facts: Sequence[Words] = ()


class PlainShow:
    """See components.problems.operation.Show for what each member promises: here, what needs no knowledge of targets.

    A problem's own `Show` may inherit it, and a problem without the part `show` has it.
    """

    titles: Mapping[str, str] = {}
    targets = ""
    parts_of = ""
    mistakes = ""

    def __init__(self, task: Any, description: "Description") -> None:
        pass

    def counts(self, counts: Mapping[str, Any]) -> Mapping[str, str]:
        return {str(name): in_words(value) for name, value in counts.items()}

    def fitted(self, fitted: "Fitted") -> Sequence[Words]:
        return ()

    def worst(self, outcome: Any, most: int) -> "Sequence[Wrong]":
        return ()

    def parts(self, outcome: Any, plan: "Plan") -> "Mapping[str, Mapping[str, Interval]]":
        return {}

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        return ()


def in_words(value: object) -> str:
    """A value of JSON: `1 200`, `0.3125`, `min 0, max 1`; a dash for nothing."""
    if isinstance(value, bool) or value is None:
        return "–" if value is None else ("yes" if value else "no")
    if isinstance(value, int | float):
        return f"{value:,.0f}".replace(",", NARROW_SPACE) if value == int(value) else f"{value:.4g}"
    if isinstance(value, Mapping):
        return listed([f"{name} {in_words(held)}" for name, held in value.items()])
    if isinstance(value, list | tuple):
        return listed([in_words(held) for held in value])
    return str(value)


def listed(items: Sequence[str]) -> str:
    """At most 20 of them, and how many there are besides."""
    more = len(items) - MOST
    return ", ".join(items[:MOST]) + (f" and {more} more" if more > 0 else "") or "–"
