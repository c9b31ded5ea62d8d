"""params.yaml: read safely, checked as a whole, frozen."""

from components.params.load import load_operation, load_params
from components.params.tree import Params

TRACKED = False  # a stage sees values, which are tracked as parameters

__all__ = ["Params", "load_operation", "load_params"]
