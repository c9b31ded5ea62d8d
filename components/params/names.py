"""What may be chosen by name: backbones, heads, methods. A name here is a line there, in the room's own table.

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from typing import Literal

Backbone = Literal[
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "minilm_l6",
    "mobilenet_v2",
    "timm/convnext",
    "timm/efficientnet",
    "timm/resnet",
    "transformers/bert",
    "transformers/convnext",
    "transformers/distilbert",
    "transformers/resnet",
    "transformers/vit",
]
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

# A backbone takes samples of one kind (`KIND` of a modality).
SEES: Mapping[str, str] = {
    "efficientnet_lite0": "images",
    "efficientnet_lite1": "images",
    "efficientnet_lite2": "images",
    "minilm_l6": "texts",
    "mobilenet_v2": "images",
    "timm/convnext": "images",
    "timm/efficientnet": "images",
    "timm/resnet": "images",
    "transformers/bert": "texts",
    "transformers/convnext": "images",
    "transformers/distilbert": "texts",
    "transformers/resnet": "images",
    "transformers/vit": "images",
}
# What a method may ask of a backbone before it is built. A library's are known once built: `fine_tune` checks them.
BLOCKS: Mapping[str, int] = {
    "efficientnet_lite0": 16,
    "efficientnet_lite1": 21,
    "efficientnet_lite2": 21,
    "minilm_l6": 6,
    "mobilenet_v2": 17,
}
LONGEST: Mapping[str, int] = {"minilm_l6": 512}  # tokens of a text
# All of them have norms, which is what `tent` needs; those of the others are batch norms.
LAYER_NORMED = frozenset(
    {
        "minilm_l6",
        "timm/convnext",
        "transformers/bert",
        "transformers/convnext",
        "transformers/distilbert",
        "transformers/vit",
    }
)
# Families that a library defines: which network it is, and its weights, the user's own address says.
FAMILIES = tuple(name for name in SEES if "/" in name)
