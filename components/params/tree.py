"""params.yaml as a whole."""

from pydantic import Field, model_validator

from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.combinations import combinations
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.learning import ControlsParams, FeaturesParams, HeadParams, SelectParams
from components.params.monitoring import MonitoringParams
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.operation import RuntimeParams, TrackingParams
from components.params.pretrain import PretrainParams
from components.params.promotion import PromotionParams
from components.params.release import EvaluateParams, ExportParams, GateParams
from components.params.schedule import NotifyParams, ScheduleParams
from components.params.task import AugmentParams, TaskParams
from components.params.tuning import TuneParams


class Params(Section):
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: DataParams
    domains: DomainsParams = DomainsParams()
    task: TaskParams = TaskParams()
    augment: AugmentParams = AugmentParams()
    backbone: BackboneParams = BackboneParams()
    features: FeaturesParams = FeaturesParams()
    head: HeadParams = HeadParams()
    tune: TuneParams = TuneParams()
    objectives: ObjectivesParams = ObjectivesParams()
    weighting: WeightingParams = WeightingParams()
    pretrain: PretrainParams = PretrainParams()
    controls: ControlsParams = ControlsParams()
    select: SelectParams = SelectParams()
    export: ExportParams = ExportParams()
    evaluate: EvaluateParams = EvaluateParams()
    gate: GateParams
    promotion: PromotionParams = PromotionParams()
    schedule: ScheduleParams = ScheduleParams()
    notify: NotifyParams = NotifyParams()
    monitoring: MonitoringParams = MonitoringParams()
    runtime: RuntimeParams = RuntimeParams()
    tracking: TrackingParams = TrackingParams()

    @model_validator(mode="after")
    def _combinations(self) -> "Params":
        sections = {name: value for name, value in self if isinstance(value, Section)}
        if wrong := combinations(sections):
            raise ValueError("; ".join(wrong))
        return self
