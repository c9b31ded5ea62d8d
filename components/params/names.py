"""What may be chosen by name: backbones, heads, methods. A name here is a line there, in the room's own table.
Backbones of other distributions come by entry point: `components.params.plugins.backbones`.

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Head = Literal["linear", "logistic", "mlp", "neighbours", "prototypes", "random_features"]
Method = Literal["bias_only", "gradual_unfreezing", "last_blocks", "layerwise_rates", "lora"]
Keep = Literal["none", "distillation", "ewc", "l2_sp"]
Align = Literal["none", "cdan", "coral", "dann", "mmd"]
Confident = Literal["none", "entropy", "information_maximisation", "mcc", "pseudo_labels"]
Criterion = Literal["source", "information_maximisation"]
Balance = Literal["fixed", "pcgrad", "uncertainty"]
Then = Literal["none", "adabn", "tent"]
Weighting = Literal["none", "kliep", "kmm", "tradaboost", "ulsif"]
Pretraining = Literal["none", "clusters", "masked_tokens", "prototypical", "reptile", "simclr"]

# What a method must be given; `params.tree` refuses it where that is missing.
Need = Literal[
    "domains",
    "unlabelled",
    "target_labels",
    "source_start",
    "batch_norms",
    "images",
    "texts",
    "views",
    "tasks",
    "classes",
    "class_outputs",
    "logits",
]
NEEDS: Mapping[str, tuple[Need, ...]] = {
    "adabn": ("unlabelled", "batch_norms"),
    "cdan": ("domains", "class_outputs"),
    "coral": ("domains",),
    "dann": ("domains",),
    "distillation": ("source_start", "class_outputs"),
    "entropy": ("unlabelled", "class_outputs"),
    "ewc": ("source_start", "class_outputs"),
    "information_maximisation": ("unlabelled", "class_outputs"),
    "kliep": ("domains",),
    "kmm": ("domains",),
    "logistic": ("logits",),
    "masked_tokens": ("texts",),
    "mcc": ("unlabelled", "class_outputs"),
    "mmd": ("domains",),
    "neighbours": ("logits",),
    "prototypical": ("classes", "class_outputs"),
    "prototypes": ("class_outputs",),
    "pseudo_labels": ("unlabelled", "class_outputs"),
    "reptile": ("tasks", "class_outputs"),
    "simclr": ("images", "views"),
    "tent": ("unlabelled", "class_outputs"),
    "tradaboost": ("domains", "target_labels", "class_outputs"),
    "ulsif": ("domains",),
}

# Of fewer classes, random choices are hardly different tasks.
FEWEST_CLASSES = 5


@dataclass(frozen=True)
class Facts:
    """What is known of a backbone before it is built.

    Attributes:
        sees: the kind of samples that it takes (`KIND` of a modality).
        blocks: how many there are; none: its files say.
        longest: most tokens of a text; none: as the parameter's own bound.
        norms: what kind it has, `tent` needs some, `adabn` batch norms.
    """

    sees: str
    blocks: int | None = None
    longest: int | None = None
    norms: Literal["batch", "layer", "none"] = "batch"


BACKBONES: Mapping[str, Facts] = {
    "efficientnet_lite0": Facts("images", 16),
    "efficientnet_lite1": Facts("images", 21),
    "efficientnet_lite2": Facts("images", 21),
    "minilm_l6": Facts("texts", 6, longest=512, norms="layer"),
    "mobilenet_v2": Facts("images", 17),
    "timm/convnext": Facts("images", norms="layer"),
    "timm/efficientnet": Facts("images"),
    "timm/resnet": Facts("images"),
    "transformers/bert": Facts("texts", norms="layer"),
    "transformers/convnext": Facts("images", norms="layer"),
    "transformers/distilbert": Facts("texts", norms="layer"),
    "transformers/resnet": Facts("images"),
    "transformers/vit": Facts("images", norms="layer"),
}
# Families that a library defines: which network it is, and its weights, the user's own address says.
FAMILIES = tuple(name for name in BACKBONES if "/" in name)
