"""No plain model looks at series."""

from collections.abc import Mapping
from types import MappingProxyType

from components.modalities.base import Describer

DESCRIBERS: Mapping[str, Describer] = MappingProxyType({})
