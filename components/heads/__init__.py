"""The heads that params may name: one line each, imported when chosen. Those of other distributions come by an entry
point `graftline.heads`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.choices import Choice
from components.params import plugins

if TYPE_CHECKING:
    from torch import Tensor, nn

    from components.heads.base import Head
    from components.params.learning import HeadParams

TRACKED = False  # stages depend on the file of the chosen head

HEADS = {
    "linear": Choice("components.heads.linear:Linear"),
    "logistic": Choice("components.heads.logistic:Logistic", needs=("logits",)),
    "mlp": Choice("components.heads.mlp:Perceptron"),
    "neighbours": Choice("components.heads.neighbours:Neighbours", needs=("logits",)),
    "prototypes": Choice("components.heads.prototypes:Prototypes", needs=("class_outputs",)),
    "random_features": Choice("components.heads.random_features:RandomFeatures"),
}
NAMES = tuple(HEADS)  # each is its file's name


def load_head(head: "HeadParams", seed: int) -> "Head":
    """The head that section `head` names, with its parameters."""
    return _kind(head.method)(head, seed)


def restore(method: str, state: "Mapping[str, Tensor]") -> "nn.Module":
    """The module that a head of `method` was fitted to: features (B, width) → logits (B, classes)."""
    return _kind(method).module(state).eval()


def _kind(method: str) -> "type[Head]":
    return plugins.load("heads", method)
