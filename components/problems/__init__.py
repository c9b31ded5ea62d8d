"""Problems: what a target and a decision are. The table is the one place that knows them by name; those of other
distributions come by an entry point `graftline.problems`."""

from typing import TYPE_CHECKING, Any

from components.params import plugins
from components.params.task import TaskParams

if TYPE_CHECKING:
    from components.problems.base import (
        Baseline,
        Decision,
        Description,
        Fitted,
        Judge,
        Network,
        Target,
    )
    from components.problems.labels import Reading

TRACKED = False  # stages depend on the facets of the chosen problem

NAMES = ("classification", "multi_label", "regression")


def _facet(problem: str, facet: str) -> Any:
    return plugins.place("problems", problem, facet)


def reading(task: TaskParams) -> "type[Reading]":
    """What reads the labels of a data set."""
    found: type[Reading] = _facet(task.problem, "target").Reading
    return found


def target(description: "Description") -> "Target":
    """Targets of the problem that `description` names."""
    found: Target = _facet(str(description["problem"]), "target").Target(description)
    return found


def network(task: TaskParams, description: "Description") -> "Network":
    found: Network = _facet(task.problem, "network").Network(task, description)
    return found


def decision_type(task: TaskParams) -> "type[Decision]":
    found: type[Decision] = _facet(task.problem, "decision").Decision
    return found


def decision(task: TaskParams, description: "Description", fitted: "Fitted | None" = None) -> "Decision":
    return decision_type(task)(task, description, fitted)


def judge(task: TaskParams, description: "Description") -> "Judge":
    found: Judge = _facet(task.problem, "judge").Judge(task, description)
    return found


def baseline(task: TaskParams, description: "Description") -> "Baseline":
    found: Baseline = _facet(task.problem, "baseline").Baseline(description)
    return found
