"""params.yaml as a whole."""

from typing import TypeVar

from pydantic import Field, model_validator

from components.params import plugins
from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.card import CardParams
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.learning import AUTO, ControlsParams, FeaturesParams, HeadParams, SelectParams
from components.params.monitoring import MonitoringParams
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.operation import RuntimeParams, TrackingParams
from components.params.pretrain import PretrainParams
from components.params.promotion import PromotionParams
from components.params.release import EvaluateParams, ExportParams, GateParams
from components.params.schedule import NotifyParams, ScheduleParams
from components.params.task import AugmentParams, TaskParams
from components.params.tuning import TuneParams

Named = TypeVar("Named", bound=Section)


def _named(section: Named, metric: str) -> Named:
    """The section with `metric` in the place of `auto`."""
    return section.model_copy(update={"metric": metric}) if vars(section)["metric"] == AUTO else section


class Params(Section):
    """Sections that are right by themselves; whether they fit each other, components.params.load.check says."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    data: DataParams
    domains: DomainsParams = DomainsParams()
    # By a factory, what names plug-ins: their rooms import this package.
    task: TaskParams = Field(default_factory=TaskParams)
    augment: AugmentParams = AugmentParams()
    backbone: BackboneParams = BackboneParams()
    features: FeaturesParams = FeaturesParams()
    head: HeadParams = Field(default_factory=HeadParams)
    tune: TuneParams = Field(default_factory=TuneParams)
    objectives: ObjectivesParams = Field(default_factory=ObjectivesParams)
    weighting: WeightingParams = Field(default_factory=WeightingParams)
    pretrain: PretrainParams = Field(default_factory=PretrainParams)
    controls: ControlsParams = ControlsParams()
    select: SelectParams = SelectParams()
    export: ExportParams = ExportParams()
    evaluate: EvaluateParams = EvaluateParams()
    gate: GateParams
    promotion: PromotionParams = PromotionParams()
    card: CardParams = CardParams()
    schedule: ScheduleParams = ScheduleParams()
    notify: NotifyParams = NotifyParams()
    monitoring: MonitoringParams = MonitoringParams()
    runtime: RuntimeParams = RuntimeParams()
    tracking: TrackingParams = TrackingParams()

    @model_validator(mode="after")
    def _metrics(self) -> "Params":
        """`auto` becomes the problem's own metric."""
        best, kept = plugins.best(self.task.problem), str(plugins.fact("problems", self.task.problem, "KEPT"))
        controls, forgetting = self.gate.better_than_controls, self.gate.forgetting
        gate: dict[str, Section] = {"better_than_controls": _named(controls, best)}
        if forgetting is not None:
            gate["forgetting"] = _named(forgetting, kept)
        if self.gate.overfitting is not None:
            score = plugins.fact("problems", self.task.problem, "OVERFITTING", None)
            gate["overfitting"] = _named(self.gate.overfitting, score or AUTO)
        if self.gate.fairness is not None:
            gate["fairness"] = _named(self.gate.fairness, best)
        slices = _named(self.promotion.slices, kept)
        named = {
            "head": _named(self.head, best),
            "select": _named(self.select, best),
            "gate": self.gate.model_copy(update=gate),
            "promotion": _named(self.promotion, best).model_copy(update={"slices": slices}),
        }
        for name, section in named.items():
            object.__setattr__(self, name, section)  # frozen for everybody else
        return self
