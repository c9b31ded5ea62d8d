"""What may be chosen by name: backbones, heads, methods. A name here is a line there, in the room's own table.
Backbones of other distributions come by entry point: `components.params.plugins.backbones`.

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from components.choices import Choice, Need

    Head = str
    Method = str
    Keep = str
    Align = str
    Confident = str
    Balance = str
    Then = str
    Weighting = str
    Pretraining = str
else:  # by name: rooms lie above parameters
    _heads, _methods = import_module("components.heads"), import_module("components.methods")
    Head = Literal[*_heads.HEADS]
    Method = Literal[*_methods.METHODS]
    Keep = Literal["none", *_methods.KEEP]
    Align = Literal["none", *_methods.ALIGN]
    Confident = Literal["none", *_methods.CONFIDENT]
    Balance = Literal[*_methods.BALANCES]
    Then = Literal["none", *_methods.ADAPTATIONS]
    Weighting = Literal["none", *_methods.WEIGHTINGS]
    Pretraining = Literal["none", *_methods.PRETRAININGS]
Criterion = Literal["source", "information_maximisation"]


def heads() -> "Mapping[str, Choice]":
    """The table of heads."""
    found: Mapping[str, Choice] = import_module("components.heads").HEADS
    return found


def needs(name: str) -> "tuple[Need, ...]":
    """What the head or method `name` must be given; nothing for `none`."""
    found: Mapping[str, Choice] = {**heads(), **import_module("components.methods").ALL}
    return found[name].needs if name in found else ()


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
