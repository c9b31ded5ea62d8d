"""The network, and where its weights come from."""

from torch import Tensor, nn

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.named import Names, Skip
from components.params.backbone import ImageSpec
from regions import SIDE

FINE, WIDTH = 8, 16
PUBLISHED = "0" * 64  # nothing is published: `backbone.uri` names one's own weights
# `fine` is made below every cut, at full resolution; `maps` go from unit to unit.
NAMES = Names("maps", {"fine": Skip(0, 1, FINE)}, channels=WIDTH)


class Mean(nn.Module):
    """Maps (B, C, h, w) → features (B, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


def unit(before: int, after: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.ReLU())


def architecture() -> Backbone:
    """Stem, a block that halves, another block; features are the mean of what the last one gives."""
    return Backbone([unit(3, FINE), unit(FINE, WIDTH, 2), unit(WIDTH, WIDTH), Mean()], WIDTH, names=NAMES)


ENTRY = BackboneEntry(
    name="map_network",
    uri="https://example.org/map_network.safetensors",
    sha256=PUBLISHED,
    file_sha256=PUBLISHED,
    licence="CC0-1.0",
    parameters=sum(tensor.numel() for tensor in architecture().state_dict().values()),
    input=ImageSpec(SIDE, (127.5, 127.5, 127.5), (64.0, 64.0, 64.0)),
    architecture=architecture,
    raw_name=str,
)
