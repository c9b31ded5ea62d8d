"""params.yaml as a whole."""

from pydantic import Field, model_validator

from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.data import DataParams
from components.params.learning import ControlsParams, FeaturesParams, HeadParams, SelectParams, TuneParams
from components.params.names import SEES, SHOWS
from components.params.operation import RuntimeParams, TrackingParams
from components.params.release import EvaluateParams, ExportParams, GateParams
from components.params.task import AugmentParams, TaskParams


class Params(Section):
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: DataParams
    task: TaskParams = TaskParams()
    augment: AugmentParams = AugmentParams()
    backbone: BackboneParams = BackboneParams()
    features: FeaturesParams = FeaturesParams()
    head: HeadParams = HeadParams()
    tune: TuneParams = TuneParams()
    controls: ControlsParams = ControlsParams()
    select: SelectParams = SelectParams()
    export: ExportParams = ExportParams()
    evaluate: EvaluateParams = EvaluateParams()
    gate: GateParams
    runtime: RuntimeParams = RuntimeParams()
    tracking: TrackingParams = TrackingParams()

    @model_validator(mode="after")
    def _combinations(self) -> "Params":
        if wrong := combinations(self.data, self.task, self.backbone, self.select, self.gate):
            raise ValueError("; ".join(wrong))
        return self


def combinations(
    data: DataParams | None,
    task: TaskParams | None,
    backbone: BackboneParams | None,
    select: SelectParams | None,
    gate: GateParams | None,
) -> list[str]:
    """What no single section can see, a line each; None is a section that is wrong by itself."""
    wrong = []
    if data and task and task.positive is not None:
        classes = tuple(data.labels.classes)
        if classes and task.positive not in classes:
            wrong.append(f"task.positive is {task.positive!r}; allowed: {', '.join(classes)}")
    if task and backbone and SHOWS[task.name] != SEES[backbone.name]:
        fit = ", ".join(name for name, kind in SEES.items() if kind == SHOWS[task.name])
        wrong.append(
            f"task.name {task.name!r} shows {SHOWS[task.name]}, but backbone.name {backbone.name!r} sees "
            f"{SEES[backbone.name]}; allowed: {fit}"
        )
    if select and task and select.threshold.rule != "fixed" and task.positive is None:
        wrong.append(f"select.threshold.rule {select.threshold.rule!r} needs task.positive")
    if data and gate:
        wrong += _undeclared_slices(data, gate)
    return wrong


def _undeclared_slices(data: DataParams, gate: GateParams) -> list[str]:
    declared = set(data.labels.slices)
    allowed = ", ".join(sorted(declared)) or "none declared"
    return [
        f"gate.rules: slice {rule.slice!r} is not in data.labels.slices ({allowed})"
        for rule in gate.rules
        if rule.slice and rule.slice.split("=")[0] not in declared
    ]
