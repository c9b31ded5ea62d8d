"""The methods that params may name: one line each, imported when chosen."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.methods.adaptation import Adaptation
    from components.methods.base import Method, Objective, Shape, Weighting
    from components.methods.multi_task import Column, MultiTask
    from components.methods.pretraining import Pretraining
    from components.params.objectives import ObjectivesParams, TasksParams, WeightingParams
    from components.params.pretrain import PretrainParams
    from components.params.tuning import TuneParams

METHODS = {
    "bias_only": "components.methods.bias_only:BiasOnly",
    "gradual_unfreezing": "components.methods.gradual_unfreezing:GradualUnfreezing",
    "last_blocks": "components.methods.last_blocks:LastBlocks",
    "layerwise_rates": "components.methods.layerwise_rates:LayerwiseRates",
    "lora": "components.methods.lora:LoRA",
}
OBJECTIVES = {
    "cdan": "components.methods.cdan:CDAN",
    "coral": "components.methods.coral:Coral",
    "dann": "components.methods.dann:DANN",
    "distillation": "components.methods.distillation:Distillation",
    "entropy": "components.methods.entropy:Entropy",
    "ewc": "components.methods.ewc:EWC",
    "information_maximisation": "components.methods.information_maximisation:InformationMaximisation",
    "l2_sp": "components.methods.l2_sp:L2SP",
    "mcc": "components.methods.mcc:MCC",
    "mmd": "components.methods.mmd:MMD",
    "pseudo_labels": "components.methods.pseudo_labels:PseudoLabels",
}
BALANCES = {
    "fixed": "components.methods.fixed:Fixed",
    "pcgrad": "components.methods.pcgrad:PCGrad",
    "uncertainty": "components.methods.uncertainty:Uncertainty",
}
ADAPTATIONS = {
    "adabn": "components.methods.adabn:AdaBN",
    "tent": "components.methods.tent:Tent",
}
WEIGHTINGS = {
    "kliep": "components.methods.kliep:KLIEP",
    "kmm": "components.methods.kmm:KMM",
    "tradaboost": "components.methods.tradaboost:TrAdaBoost",
    "ulsif": "components.methods.ulsif:ULSIF",
}
PRETRAININGS = {
    "clusters": "components.methods.clusters:Clusters",
    "masked_tokens": "components.methods.masked_tokens:MaskedTokens",
    "prototypical": "components.methods.prototypical:Prototypical",
    "reptile": "components.methods.reptile:Reptile",
    "simclr": "components.methods.simclr:SimCLR",
}
NAMES = (
    "none",
    *METHODS,
    *OBJECTIVES,
    *BALANCES,
    *ADAPTATIONS,
    *WEIGHTINGS,
    *PRETRAININGS,
)  # each is its file's name
ROLES = ("keep", "align", "confident")


def load_method(tune: "TuneParams") -> "Method":
    """The method that section `tune` names, with its parameters."""
    made: Method = _named(METHODS[tune.method])(tune)
    return made


def load_objectives(params: "ObjectivesParams", shape: "Shape") -> "Sequence[Objective]":
    """The objectives that section `objectives` names, in the order of their roles."""
    made: list[Objective] = []
    for role in ROLES:
        name = getattr(params, role)
        if name != "none":
            made.append(_named(OBJECTIVES[name])(params, shape))
    return made


def load_tasks(params: "TasksParams", shape: "Shape", columns: "Sequence[Column]") -> "MultiTask | None":
    """The auxiliary tasks, balanced as `objectives.tasks` says; none where no column is named."""
    if not columns:
        return None
    made: MultiTask = _named(BALANCES[params.balance])(params, shape, columns)
    return made


def load_adaptation(tune: "TuneParams") -> "Adaptation | None":
    """What `tune.then` names; none where nothing follows training."""
    if tune.then == "none":
        return None
    made: Adaptation = _named(ADAPTATIONS[tune.then])(tune)
    return made


def load_weighting(params: "WeightingParams") -> "Weighting | None":
    """The weighting that section `weighting` names; none where all samples count alike."""
    if params.method == "none":
        return None
    made: Weighting = _named(WEIGHTINGS[params.method])(params)
    return made


def load_pretraining(params: "PretrainParams") -> "Pretraining | None":
    """What section `pretrain` names; none where the checkpoint is taken as it is."""
    if params.method == "none":
        return None
    made: Pretraining = _named(PRETRAININGS[params.method])(params)
    return made


def _named(place: str) -> type:
    module, name = place.split(":")
    found: type = getattr(import_module(module), name)
    return found
