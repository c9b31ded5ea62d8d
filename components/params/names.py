"""What may be chosen by name: backbones, heads, methods. A name here is a line there, in the room's own table.
Backbones of other distributions come by entry point: `components.params.plugins.backbones`.

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from components.choices import Choice, Facts, Need

if TYPE_CHECKING:
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


def heads() -> Mapping[str, Choice]:
    """The table of heads."""
    found: Mapping[str, Choice] = import_module("components.heads").HEADS
    return found


def needs(name: str) -> tuple[Need, ...]:
    """What the head or method `name` must be given; nothing for `none`."""
    found: Mapping[str, Choice] = {**heads(), **import_module("components.methods").ALL}
    return found[name].needs if name in found else ()


# Of fewer classes, random choices are hardly different tasks.
FEWEST_CLASSES = 5


_backbones = import_module("components.backbones.table").BACKBONES
BACKBONES: Mapping[str, Facts] = {name: row.facts for name, row in _backbones.items()}
# Families that a library defines: which network it is, and its weights, the user's own address says.
FAMILIES = tuple(name for name in BACKBONES if "/" in name)
