"""params.yaml as a whole."""

from pydantic import Field, model_validator

from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.data import DataParams
from components.params.learning import ControlsParams, FeaturesParams, HeadParams, SelectParams, TuneParams
from components.params.operation import RuntimeParams, TrackingParams
from components.params.release import EvaluateParams, ExportParams, GateParams
from components.params.task import TaskParams


class Params(Section):
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: DataParams
    task: TaskParams = TaskParams()
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
        """Combinations that no single section can see."""
        wrong = []
        classes = tuple(self.data.labels.classes)
        if self.task.positive is not None and classes and self.task.positive not in classes:
            wrong.append(f"task.positive is {self.task.positive!r}; allowed: {', '.join(classes)}")
        if self.select.threshold.rule != "fixed" and self.task.positive is None:
            wrong.append(f"select.threshold.rule {self.select.threshold.rule!r} needs task.positive")
        if self.data.layout != "folders":
            declared = set(self.data.labels.slices)
            for rule in self.gate.rules:
                if rule.slice and rule.slice.split("=")[0] not in declared:
                    allowed = ", ".join(sorted(declared)) or "none declared"
                    wrong.append(f"gate.rules: slice {rule.slice!r} is not in data.labels.slices ({allowed})")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self
