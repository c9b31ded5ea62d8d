"""What a plain model sees of images: nothing yet; the network from random weights is their control."""

from collections.abc import Mapping
from types import MappingProxyType

from components.modalities.base import Describer

DESCRIBERS: Mapping[str, Describer] = MappingProxyType({})
