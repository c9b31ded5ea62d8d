"""The network, and where its weights come from."""

import torch
from counts.bytes.params import BytesSpec
from torch import Tensor, nn

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.named import Names

LENGTH, PIECE, WIDTH = 16, 4, 24
PUBLISHED = "0" * 64  # nothing is published: `backbone.uri` names one's own weights


class Pieces(nn.Module):
    """Numbers (B, length) → tokens (B, pieces, width), each of a piece and its place."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(PIECE, WIDTH)
        self.pos_embed = nn.Parameter(torch.zeros(1, LENGTH // PIECE, WIDTH))

    def forward(self, numbers: Tensor) -> Tensor:
        tokens: Tensor = self.linear(numbers.unflatten(1, (-1, PIECE))) + self.pos_embed
        return tokens


class Block(nn.Module):
    """A residual layer: (B, pieces, width) → the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + torch.relu(self.linear(self.norm(tokens)))


class Mean(nn.Module):
    """(B, pieces, width) → (B, width)."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(dim=1)


def architecture() -> Backbone:
    """Stem, two blocks; features are the mean of the tokens."""
    return Backbone([Pieces(), Block(), Block(), Mean()], WIDTH, names=Names("tokens"))


ENTRY = BackboneEntry(
    name="letter_network",
    uri="https://example.org/letter_network.safetensors",
    sha256=PUBLISHED,
    file_sha256=PUBLISHED,
    licence="CC0-1.0",
    parameters=sum(tensor.numel() for tensor in architecture().state_dict().values()),
    input=BytesSpec(LENGTH),
    architecture=architecture,
    raw_name=str,
)
