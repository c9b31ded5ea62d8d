"""What must stand in params.yaml although it has a default: DVC reads the file as it is, and nothing else."""

from collections.abc import Mapping

from components.params.task import named_task

# DVC compares what stands in the file: dvc.yaml names every section, and the code that these keys choose.
TRACKED = (
    "domains",
    "augment",
    "features",
    "head",
    "objectives",
    "weighting",
    "pretrain",
    "controls",
    "select",
    "export",
    "evaluate",
)
WRITTEN_OUT = (
    "data.layout",
    "task.modality",
    "task.problem",
    "backbone.name",
    "head.method",
    "tune.method",
    "tune.then",
    "objectives.keep",
    "objectives.align",
    "objectives.confident",
    "objectives.tasks.balance",
    "weighting.method",
    "pretrain.method",
)


def unwritten(values: Mapping[str, object]) -> list[str]:
    """Sections and keys with defaults that must stand in the file all the same."""
    wrong = [
        f"{name}: missing; write `{name}: {{}}` for its defaults" for name in TRACKED if name not in values
    ]
    if "seed" not in values:
        wrong.append("seed: missing; write a number")
    named, wrong_task = _task_by_name(values.get("task"))
    wrong += wrong_task
    for path in WRITTEN_OUT:
        if named and path.startswith("task."):
            continue
        *sections, key = path.split(".")
        chosen: object = values
        for name in sections:
            chosen = chosen.get(name, {}) if isinstance(chosen, dict) else None
        if isinstance(chosen, dict) and key not in chosen:
            wrong.append(f"{path}: missing; it must be written out, even the default")
    return wrong


def _task_by_name(task: object) -> tuple[bool, list[str]]:
    """Whether only a name says what the task is, and what to write in its place."""
    name = task.get("name") if isinstance(task, dict) else task
    if not isinstance(name, str) or (isinstance(task, dict) and {"modality", "problem"} <= task.keys()):
        return False, []
    try:
        modality, problem = named_task(name)
    except ValueError:  # the section itself says so
        return True, []
    return True, [
        f"task: {name!r} stands for two keys; write `task: {{modality: {modality}, problem: {problem}}}`, because DVC "
        "reads them from this file"
    ]
