"""Metrics that exist only after calibration: what is compared before it, or without it, is not compared by them."""

from collections.abc import Iterator

from components.params import plugins
from components.params.learning import HeadParams, SelectParams
from components.params.release import GateParams
from components.params.task import TaskParams


def uncalibrated(
    task: TaskParams,
    head: HeadParams | None = None,
    select: SelectParams | None = None,
    gate: GateParams | None = None,
) -> Iterator[str]:
    """Every key that names a metric of models that are not calibrated, but `tune.best_by`, whose metrics the problem
    lists in BEST_BY. A section that is missing is left out."""
    if head is not None:
        yield from refused(task, "head.metric", head.metric, "the candidates of a head")
    if select is not None:
        yield from refused(task, "select.metric", select.metric, "the networks that it chooses from")
    if gate is not None:
        controls, forgetting = gate.better_than_controls, gate.forgetting
        yield from refused(
            task, "gate.better_than_controls.metric", controls.metric, "controls", learned=False
        )
        if forgetting is not None:
            source = "networks of the source"
            yield from refused(task, "gate.forgetting.metric", forgetting.metric, source, learned=False)


def refused(task: TaskParams, key: str, metric: str, models: str, learned: bool = True) -> Iterator[str]:
    """A sentence where `models` have no such metric.

    Args:
        learned: whether what training learned by itself will do (LEARNED of the problem). Not beside a release, which
            is calibrated.
    """
    problem = task.problem
    fitted = plugins.fact("problems", problem, "FITTED", ())
    needed = plugins.fact("problems", problem, "LEARNED", {}) if learned else {}
    held = vars(task.options(plugins.options("problems", problem)))
    if metric not in fitted or (needed and all(held[name] == value for name, value in needed.items())):
        return
    rest = ", ".join(name for name in plugins.fact("problems", problem, "METRICS") if name not in fitted)
    also = "".join(f"; or set task.{name}: {value}" for name, value in needed.items())
    yield (
        f"{key}: {metric!r} needs what calibration makes, which {models} do not have. Allowed: {rest}{also}"
    )
