"""The methods that params may name: one line each, imported when chosen."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.methods.base import Method
    from components.params.learning import TuneParams

METHODS = {
    "bias_only": "components.methods.bias_only:BiasOnly",
    "gradual_unfreezing": "components.methods.gradual_unfreezing:GradualUnfreezing",
    "last_blocks": "components.methods.last_blocks:LastBlocks",
    "layerwise_rates": "components.methods.layerwise_rates:LayerwiseRates",
}
NAMES = tuple(METHODS)  # each is its file's name


def load_method(tune: "TuneParams") -> "Method":
    """The method that section `tune` names, with its parameters."""
    module, name = METHODS[tune.method].split(":")
    made: Method = getattr(import_module(module), name)(tune)
    return made
