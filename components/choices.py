"""A line of a room's table: what params choose by its name."""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal

TRACKED = False  # names and places: a stage depends on the chosen file itself

# What a head or a method must be given; `params.combinations` refuses it where that is missing.
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


@dataclass(frozen=True)
class Choice:
    """A head or a method, imported when it is chosen.

    Attributes:
        place: `module:class`.
        needs: without which it is refused before any work.
    """

    place: str
    needs: tuple[Need, ...] = ()

    def load(self) -> type:
        """The class."""
        module, name = self.place.split(":")
        found: type = getattr(import_module(module), name)
        return found


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
