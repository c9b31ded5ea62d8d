"""The catalogue: one line a backbone. Its name is its file's name, and `backbone.name` in params.yaml.

The only place of this room that imports by string, so that a backbone is loaded when it is chosen, and adding
one changes no stage of those who do not choose it.
"""

import importlib
from difflib import get_close_matches
from typing import TYPE_CHECKING

from components.errors import ParamsError

if TYPE_CHECKING:
    from components.backbones.base import Backbone, BackboneEntry

BACKBONES: dict[str, str] = {
    "efficientnet_lite0": "components.backbones.efficientnet_lite0:ENTRY",
    "efficientnet_lite1": "components.backbones.efficientnet_lite1:ENTRY",
    "efficientnet_lite2": "components.backbones.efficientnet_lite2:ENTRY",
    "mobilenet_v2": "components.backbones.mobilenet_v2:ENTRY",
    "minilm_l6": "components.backbones.minilm_l6:ENTRY",
}


def entry(name: str) -> "BackboneEntry":
    """The catalogue's row; a ParamsError that names the nearest one where there is none."""
    if name not in BACKBONES:
        near = get_close_matches(name, BACKBONES, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise ParamsError(f"backbone.name is {name!r}; allowed: {', '.join(sorted(BACKBONES))}.", hint)
    module, attribute = BACKBONES[name].split(":")
    row: BackboneEntry = getattr(importlib.import_module(module), attribute)
    return row


def skeleton(name: str) -> "Backbone":
    """The architecture without memory behind its tensors (device `meta`): for checking names and shapes."""
    import torch

    with torch.device("meta"):
        return entry(name).architecture()


def build(name: str, seed: int = 0) -> "Backbone":
    """The backbone with random weights that depend on `seed` alone, in training mode, on the CPU.

    For pretrained weights, follow with `checkpoint.load(folder, backbone)`.
    """
    from components.backbones.base import initialise

    backbone = skeleton(name)
    backbone.to_empty(device="cpu")
    initialise(backbone, seed)
    return backbone
