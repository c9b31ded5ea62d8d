"""What a problem says to what runs outside the graph: the report, monitoring, `advise`, and the report on labels.

    show.py      what people see: names of metrics, targets in words, mistakes, charts (`shown.py`)
    watch.py     statistics of decisions, how sure they are, labels that come later
    explore.py   what frozen features say about targets before anything is trained

No stage depends on these parts, and a problem may do without them: the report then shows what any problem has, and what
asks for another one refuses by name.
Arrays have the samples on their first axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from components.errors import ParamsError
from components.params import plugins
from components.params.task import TaskParams
from components.problems.base import Array, Decision, Description, Fitted, Mask, Targets
from components.problems.shown import Panel, PlainShow, Words

if TYPE_CHECKING:
    from components.evaluation.intervals import Interval
    from components.evaluation.spread import Plan

Answers = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Wrong:
    """A wrong decision, in words.

    Attributes:
        row: of the sample in its outcome.
        actual, predicted: what it is, and what was decided.
        confidence: the probability that spoke for what is wrong; None where there are no probabilities.
        output: number of the network's output that spoke for it.
        about: which of several wrong things `confidence` and `output` are about.
    """

    row: int
    actual: str
    predicted: str
    confidence: float | None
    output: int
    about: str = ""


class Show(Protocol):
    """What the report and the model card show. Those who inherit `PlainShow` need not have all of it.

    Attributes:
        titles: metric → its name for people, in their order; a metric without one is called as it is named.
        targets: what is decided, in words: the classes, or the numbers with unit and range; '' to say nothing.
        parts_of: what `parts` are, as a heading; '' where there are none.
        mistakes: what `worst` lists, and in which order, as a sentence; '' where it lists nothing.
    """

    titles: Mapping[str, str]
    targets: str
    parts_of: str
    mistakes: str

    def __init__(self, task: Any, description: Description) -> None: ...

    def counts(self, counts: Mapping[str, Any]) -> Mapping[str, str]:
        """What `Reading.counts` says of some samples, in words: name → a cell of a table."""
        ...

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        """What calibration found: its name, and its value in words."""
        ...

    def worst(self, outcome: Any, most: int) -> Sequence[Wrong]:
        """The worst mistakes first."""
        ...

    def parts(self, outcome: Any, plan: "Plan") -> "Mapping[str, Mapping[str, Interval]]":
        """Of each part of a target that is judged by itself, such as a label: name → metric → interval, and `samples`,
        how many have the part."""
        ...

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        """Charts of the files that `Judge.tables` writes; `facts` is metrics.json, which holds `Judge.facts`."""
        ...


@dataclass(frozen=True)
class Statistic:
    """A statistic of the decisions on N samples; its kind says by which test monitoring compares it.

    Attributes:
        kind: `numbers`, whose distributions are compared; of `classes`, of which each sample has exactly one, and of
            `labels`, of which it has any number, the shares are.
        values: (N,) numbers, or (N, len(names)), which of the classes or labels each sample has.
        names: of the classes or labels.
    """

    kind: Literal["numbers", "classes", "labels"]
    values: npt.NDArray[Any]
    names: Sequence[str] = ()

    @property
    def counts(self) -> Indices:
        """(len(names),) samples that have each class or label."""
        return np.asarray(self.values.sum(axis=0), dtype=np.int64)


@dataclass(frozen=True)
class Certainty:
    """How sure decisions are.

    Attributes:
        columns: name → (N,), for people.
        order: (N,), the least sure have the least.
    """

    columns: Mapping[str, Array]
    order: Array


class Watch(Protocol):
    """What monitoring asks.

    Attributes:
        fields: columns of a table of labels that come later.
        allowed: what may stand there, as a sentence.
        undefined: why accuracy without labels is not defined, as a sentence; '' where it is.
    """

    fields: Sequence[str]
    allowed: str
    undefined: str

    def __init__(self, task: Any, description: Description, decision: Decision) -> None: ...

    def statistics(self, answers: Answers) -> Mapping[str, Statistic]:
        """Of the decisions on answers (N, columns); the names do not depend on the answers.

        There are at most as many as the function `watched` of the problem's `__init__.py` says: `check` calls it.
        """
        ...

    def certainty(self, answers: Answers) -> Certainty | None:
        """None where the answers do not say how sure they are."""
        ...

    def confidences(self, answers: Answers) -> Mapping[str, Array]:
        """Metric, a share of right decisions → (N,) the confidence in each of these; empty: see `undefined`."""
        ...

    def right(self, targets: Targets, answers: Answers) -> Mapping[str, Mask]:
        """The same metrics → (N,) which decisions are right."""
        ...

    def words(self, answers: Answers) -> Sequence[str]:
        """(N) decisions, for people."""
        ...

    def label(self, cells: Sequence[str]) -> str | None:
        """A row of `fields`, not all of them empty, as the label is kept at rest; None where it is not allowed."""
        ...


@dataclass(frozen=True)
class Doubt:
    """A label that is worth a second look.

    Attributes:
        row: of its sample.
        cells: what is said of it, by the columns of its problem.
    """

    row: int
    cells: Sequence[str]


class Explore(Protocol):
    """What frozen features say about targets.

    Attributes:
        columns: of the list of doubtful labels.
        method: how they are found, as a sentence.
        counted: what `counts` counts the samples of: `class`, `label`; '' where all labelled ones are counted.
        undefined: why H-score and LEEP are not defined, as a sentence; '' where they are.
        nearest: what the k nearest neighbours are judged by.
    """

    columns: Sequence[str]
    method: str
    counted: str
    undefined: str
    nearest: str

    def __init__(self, task: Any, description: Description) -> None: ...

    def counts(self, targets: Targets) -> Mapping[str, int]:
        """Name → how many of these labelled samples have it."""
        ...

    def aims(self, targets: Targets) -> Array:
        """(N, K): what a linear model of the features would aim at."""
        ...

    def questions(self, targets: Targets) -> Sequence[Indices]:
        """(N,) class indices each: what is asked of a sample one after the other. Empty where targets are numbers."""
        ...

    def predict(self, features: Array, targets: Targets, asked: Array) -> Array:
        """(M, …) what a quick model, fitted to features (N, width), says of the features `asked` (M, width)."""
        ...

    def doubts(self, said: Array, targets: Targets) -> Sequence[Doubt]:
        """The most doubtful labels first, by what `predict` said of each sample when it was not fitted to it."""
        ...


def show(task: TaskParams, description: Description) -> Show:
    """A plain one where the problem has none."""
    return _show(task.problem)(task, description)


def titles(problem: str) -> Mapping[str, str]:
    """Metric → its name for people, of those to which the problem gives one."""
    return _show(problem).titles


def _show(problem: str) -> type[Show]:
    part = _part(problem, "show")
    made: type[Show] = PlainShow if part is None else part.Show
    return made


def watch(task: TaskParams, description: Description, decision: Decision) -> Watch:
    """ParamsError where the problem has none, or its answers are no rows of one length."""
    if decision.ragged or decision.axes:
        raise ParamsError(
            f"Monitoring is not defined for task.problem {task.problem!r}: its answers are no rows of one length, and "
            "references hold tables of numbers."
        )
    found: Watch = _needed(task.problem, "watch", "Monitoring").Watch(task, description, decision)
    return found


def explore(task: TaskParams, description: Description, what: str) -> Explore:
    """ParamsError, which says what was asked for, where the problem has none."""
    found: Explore = _needed(task.problem, "explore", what).Explore(task, description)
    return found


def _needed(problem: str, part: str, what: str) -> Any:
    found = _part(problem, part)
    if found is None:
        root = plugins.about("problems", problem).__name__
        raise ParamsError(
            f"{what} is not defined for task.problem {problem!r}: its package {root} has no part {part!r}.",
            "What that part holds: components/problems/operation.py.",
        )
    return found


def _part(problem: str, part: str) -> Any:
    """None where the problem does without it."""
    root = plugins.about("problems", problem).__name__
    return plugins.place("problems", problem, part) if find_spec(f"{root}.{part}") is not None else None
