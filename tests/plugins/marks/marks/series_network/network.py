"""The network, and where its weights come from."""

import torch
from torch import Tensor, nn

from components.backbones.base import Backbone, BackboneEntry
from marks.series.params import SeriesSpec

LENGTH, WIDTH = 32, 48
PUBLISHED = "0" * 64  # nothing is published: `backbone.uri` names one's own weights


class Block(nn.Module):
    """A residual layer: (B, width) → the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)

    def forward(self, states: Tensor) -> Tensor:
        return states + torch.relu(self.linear(self.norm(states)))


def architecture() -> Backbone:
    """Stem, two blocks; features are what the last one gives."""
    return Backbone([nn.Linear(LENGTH, WIDTH), Block(WIDTH), Block(WIDTH), nn.Identity()], WIDTH)


ENTRY = BackboneEntry(
    name="series_network",
    uri="https://example.org/series_network.safetensors",
    sha256=PUBLISHED,
    file_sha256=PUBLISHED,
    licence="CC0-1.0",
    parameters=sum(tensor.numel() for tensor in architecture().state_dict().values()),
    input=SeriesSpec(LENGTH),
    architecture=architecture,
    raw_name=str,
)
