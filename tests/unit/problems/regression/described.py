"""What tests of regression's facets describe their numbers by."""

from components.params.task import TaskParams


def task(**options: object) -> TaskParams:
    return TaskParams.model_validate({"problem": "regression", **options})


def description(
    names: tuple[str, ...] = ("y",),
    mean: tuple[float, ...] = (0.0,),
    scale: tuple[float, ...] = (1.0,),
    ends: tuple[float, float] | None = None,
) -> dict[str, object]:
    numbers = [{"name": name, "unit": "mm", "range": None if ends is None else list(ends)} for name in names]
    statistics = {"mean": list(mean), "scale": list(scale)}
    return {"problem": "regression", "numbers": numbers, "statistics": statistics}
