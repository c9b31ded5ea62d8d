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
