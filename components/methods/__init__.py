"""The methods that params may name: one line each, imported when chosen. Those of other distributions come by an entry
point of the table's name, `graftline.keep` for instance (`components.params.plugins.TABLES`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.choices import Choice
from components.params import plugins

if TYPE_CHECKING:
    from components.methods.adaptation import Adaptation
    from components.methods.base import Method, Weighting
    from components.methods.multi_task import Column, MultiTask
    from components.methods.objective import Objective, Shape
    from components.methods.pretraining import Pretraining
    from components.params.objectives import ObjectivesParams, TasksParams, WeightingParams
    from components.params.pretrain import PretrainParams
    from components.params.tuning import TuneParams

TRACKED = False  # stages depend on the file of the chosen method

# tune.method
METHODS = {
    "bias_only": Choice("components.methods.bias_only:BiasOnly"),
    "gradual_unfreezing": Choice("components.methods.gradual_unfreezing:GradualUnfreezing"),
    "last_blocks": Choice("components.methods.last_blocks:LastBlocks"),
    "layerwise_rates": Choice("components.methods.layerwise_rates:LayerwiseRates"),
    "lora": Choice("components.methods.lora:LoRA"),
}
# objectives.keep, .align and .confident
KEEP = {
    "distillation": Choice(
        "components.methods.distillation:Distillation", needs=("source_start", "class_outputs")
    ),
    "ewc": Choice("components.methods.ewc:EWC", needs=("source_start", "class_outputs")),
    "l2_sp": Choice("components.methods.l2_sp:L2SP"),
}
ALIGN = {
    "cdan": Choice("components.methods.cdan:CDAN", needs=("domains", "class_outputs")),
    "coral": Choice("components.methods.coral:Coral", needs=("domains",)),
    "dann": Choice("components.methods.dann:DANN", needs=("domains",)),
    "mmd": Choice("components.methods.mmd:MMD", needs=("domains",)),
}
CONFIDENT = {
    "entropy": Choice("components.methods.entropy:Entropy", needs=("unlabelled", "class_outputs")),
    "information_maximisation": Choice(
        "components.methods.information_maximisation:InformationMaximisation",
        needs=("unlabelled", "class_outputs"),
    ),
    "mcc": Choice("components.methods.mcc:MCC", needs=("unlabelled", "class_outputs")),
    "pseudo_labels": Choice(
        "components.methods.pseudo_labels:PseudoLabels", needs=("unlabelled", "class_outputs")
    ),
}
OBJECTIVES = KEEP | ALIGN | CONFIDENT
# objectives.tasks.balance
BALANCES = {
    "fixed": Choice("components.methods.fixed:Fixed"),
    "pcgrad": Choice("components.methods.pcgrad:PCGrad"),
    "uncertainty": Choice("components.methods.uncertainty:Uncertainty"),
}
# tune.then
ADAPTATIONS = {
    "adabn": Choice("components.methods.adabn:AdaBN", needs=("unlabelled", "batch_norms")),
    "tent": Choice("components.methods.tent:Tent", needs=("unlabelled", "class_outputs")),
}
# weighting.method
WEIGHTINGS = {
    "kliep": Choice("components.methods.kliep:KLIEP", needs=("domains",)),
    "kmm": Choice("components.methods.kmm:KMM", needs=("domains",)),
    "tradaboost": Choice(
        "components.methods.tradaboost:TrAdaBoost", needs=("domains", "target_labels", "class_outputs")
    ),
    "ulsif": Choice("components.methods.ulsif:ULSIF", needs=("domains",)),
}
# pretrain.method
PRETRAININGS = {
    "clusters": Choice("components.methods.clusters:Clusters"),
    "masked_tokens": Choice("components.methods.masked_tokens:MaskedTokens", needs=("texts",)),
    "prototypical": Choice(
        "components.methods.prototypical:Prototypical", needs=("classes", "class_outputs")
    ),
    "reptile": Choice("components.methods.reptile:Reptile", needs=("tasks", "class_outputs")),
    "simclr": Choice("components.methods.simclr:SimCLR", needs=("images", "views")),
}
ALL = METHODS | OBJECTIVES | BALANCES | ADAPTATIONS | WEIGHTINGS | PRETRAININGS
NAMES = ("none", *ALL)  # each is its file's name
ROLES = ("keep", "align", "confident")


def load_method(tune: "TuneParams") -> "Method":
    """The method that section `tune` names, with its parameters."""
    made: Method = plugins.load("methods", tune.method)(tune)
    return made


def load_objectives(params: "ObjectivesParams", shape: "Shape") -> "Sequence[Objective]":
    """The objectives that section `objectives` names, in the order of their roles."""
    made: list[Objective] = []
    for role in ROLES:
        name = getattr(params, role)
        if name != "none":
            made.append(plugins.load(role, name)(params, shape))
    return made


def load_tasks(params: "TasksParams", shape: "Shape", columns: "Sequence[Column]") -> "MultiTask | None":
    """The auxiliary tasks, balanced as `objectives.tasks` says; none where no column is named."""
    if not columns:
        return None
    made: MultiTask = plugins.load("balances", params.balance)(params, shape, columns)
    return made


def load_adaptation(tune: "TuneParams") -> "Adaptation | None":
    """What `tune.then` names; none where nothing follows training."""
    if tune.then == "none":
        return None
    made: Adaptation = plugins.load("adaptations", tune.then)(tune)
    return made


def load_weighting(params: "WeightingParams") -> "Weighting | None":
    """The weighting that section `weighting` names; none where all samples count alike."""
    if params.method == "none":
        return None
    made: Weighting = plugins.load("weightings", params.method)(params)
    return made


def load_pretraining(params: "PretrainParams") -> "Pretraining | None":
    """What section `pretrain` names; none where the checkpoint is taken as it is."""
    if params.method == "none":
        return None
    made: Pretraining = plugins.load("pretrainings", params.method)(params)
    return made
