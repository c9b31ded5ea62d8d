"""The catalogue opens what `table` names: a backbone, or a library's family of them.

Another distribution brings a backbone by an entry point `graftline.backbones`: a package that states `FACTS`, with the
row `ENTRY` in its `network.py`.

The only place of this room that imports by string, so that a backbone is loaded when it is chosen, and adding
one changes no stage of those who do not choose it.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.backbones.table import BACKBONES
from components.errors import ParamsError, meant
from components.params import plugins
from components.params.names import FAMILIES

if TYPE_CHECKING:
    from components.backbones.base import Architecture, Backbone, BackboneEntry, Family

TRACKED = False  # stages depend on the file of the chosen backbone


def entry(name: str) -> "BackboneEntry":
    """The catalogue's row of a backbone with weights of its own; a ParamsError that names the nearest otherwise."""
    own = [known for known in plugins.names("backbones") if known not in FAMILIES]
    row: BackboneEntry = _loaded(name, own)
    return row


def family(name: str) -> "Family":
    """The library's family of that name; a ParamsError that names the nearest otherwise."""
    row: Family = _loaded(name, FAMILIES)
    return row


def described(name: str, checkpoint: Path | None = None) -> "Architecture":
    """The catalogue's row, or what the files of a library's network in `checkpoint` say."""
    if name not in FAMILIES:
        return entry(name)
    if checkpoint is None:
        raise ValueError(f"{name} is described by its checkpoint, and none is given")
    return family(name).described(checkpoint)


def skeleton(name: str, checkpoint: Path | None = None) -> "Backbone":
    """The architecture without memory behind its tensors (device `meta`): for checking names and shapes."""
    import torch

    with torch.device("meta"):
        return described(name, checkpoint).architecture().to("meta")  # timm counts with real numbers


def build(name: str, seed: int = 0, checkpoint: Path | None = None) -> "Backbone":
    """The backbone with random weights that depend on `seed` alone, in training mode, on the CPU.

    For pretrained weights, follow with `checkpoint.load(folder, backbone)`. A library's network is described by files
    in `checkpoint`.
    """
    from components.backbones.base import initialise

    backbone = skeleton(name, checkpoint)
    backbone.to_empty(device="cpu")
    initialise(backbone, seed)
    return backbone.train()


# What a module holds by its name, a row or a family, is known to who asks.
def _loaded(name: str, allowed: Sequence[str]) -> Any:
    if name not in allowed:
        hint = meant(name, allowed) or "."
        raise ParamsError(f"backbone.name is {name!r}{hint} Allowed: {', '.join(sorted(allowed))}.")
    if name in plugins.foreign("backbones"):
        return plugins.place("backbones", name, "network").ENTRY
    module, attribute = f"components.backbones.{BACKBONES[name].place}".split(":")
    return getattr(importlib.import_module(module), attribute)
