"""The heads that params may name: one line each, imported when chosen."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from components.heads.base import Head
    from components.params.learning import HeadParams

HEADS = {
    "linear": "components.heads.linear:Linear",
    "logistic": "components.heads.logistic:Logistic",
    "mlp": "components.heads.mlp:Perceptron",
    "neighbours": "components.heads.neighbours:Neighbours",
    "prototypes": "components.heads.prototypes:Prototypes",
    "random_features": "components.heads.random_features:RandomFeatures",
}
NAMES = tuple(HEADS)  # each is its file's name


def load_head(head: "HeadParams", seed: int) -> "Head":
    """The head that section `head` names, with its parameters."""
    return _kind(head.method)(head, seed)


def restore(method: str, state: "Mapping[str, Tensor]") -> "nn.Module":
    """The module that a head of `method` was fitted to: features (B, width) → logits (B, classes)."""
    return _kind(method).module(state).eval()


def _kind(method: str) -> "type[Head]":
    module, name = HEADS[method].split(":")
    kind: type[Head] = getattr(import_module(module), name)
    return kind
