"""What `gate.fairness` asks of other sections: columns that are declared, bounds that the problem offers."""

from collections.abc import Iterator

from components.errors import meant
from components.params import plugins
from components.params.data import DataParams
from components.params.release import GateParams
from components.params.task import TaskParams

OFFERED = {  # bounds of gate.fairness that only some problems have
    "tpr_gap_at_most": "true-positive rates",
    "calibration_gap_at_most": "calibration errors",
}


def fair_columns(data: DataParams, gate: GateParams) -> Iterator[str]:
    labels = data.labels
    if gate.fairness is None:
        return
    # A domain's column that is a slice, too, goes by the slice's name.
    of_domain = ("domain",) if labels.domain and labels.domain not in labels.slices else ()
    allowed = tuple(dict.fromkeys((*labels.slices, *of_domain)))
    for name in gate.fairness.columns:
        if name not in allowed:
            hint, known = meant(name, allowed) or ".", ", ".join(allowed) or "none declared"
            yield (
                f"gate.fairness.columns: {name!r} is no column of groups{hint} "
                f"Allowed, of data.labels.slices and data.labels.domain: {known}"
            )


def fair_bounds(task: TaskParams, gate: GateParams) -> Iterator[str]:
    """What a problem must offer."""
    fairness = gate.fairness
    if fairness is None:
        return
    offered = plugins.fact("problems", task.problem, "FAIRNESS", ())
    for key, what in OFFERED.items():
        if getattr(fairness, key) is not None and key not in offered:
            yield (
                f"gate.fairness.{key} compares {what}, which task.problem {task.problem!r} does not have: "
                "leave it out"
            )


def fair_class(data: DataParams, task: TaskParams, gate: GateParams) -> Iterator[str]:
    if gate.fairness is not None and gate.fairness.of is not None:
        yield from undeclared(data, task, "gate.fairness.class:", gate.fairness.of)


def undeclared(data: DataParams, task: TaskParams, where: str, name: str) -> Iterator[str]:
    """Where the data name the classes or labels, or a folder does, `components.data.before` looks."""
    names = declared(data, task)
    if names and name not in names:
        yield f"{where} {name!r} is not declared{meant(name, names) or '.'} Allowed: {', '.join(names)}"


def declared(data: DataParams, task: TaskParams) -> tuple[str, ...]:
    """Classes or labels, where params.yaml names all of them; else none."""
    told = plugins.fact("problems", task.problem, "declared", None)
    return () if told is None else tuple(told(task, data))
