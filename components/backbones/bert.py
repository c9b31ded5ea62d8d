"""Encoders of texts as a chain of units: embeddings, layers, and the mean over the tokens.

Devlin et al., BERT, NAACL 2019; Reimers & Gurevych, Sentence-BERT, EMNLP 2019, for the mean. The layers are those of
`transformers`.
"""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn
from transformers import BertModel

from components.backbones.base import Backbone
from components.backbones.named import Names

PADDING = 0
# Added to the scores of padding: large enough to vanish in a softmax, small enough for half precision.
FAR = -1e4


class Embeddings(nn.Module):
    """Token ids (B, L) → (B, L, width + 1): word + position + kind, normed; the last channel marks tokens."""

    def __init__(
        self, word: nn.Module, position: nn.Module, norm: nn.Module, kind: nn.Embedding | None = None
    ) -> None:
        super().__init__()
        self.word = word
        self.position = position
        self.kind = kind
        self.norm = norm

    def forward(self, tokens: Tensor) -> Tensor:
        # By counting, not as a range or a slice: so every size in the exported graph is known beforehand.
        positions = torch.cumsum(torch.ones_like(tokens), dim=1) - 1
        summed = self.word(tokens) + self.position(positions)
        if self.kind is not None:
            summed = summed + self.kind.weight[0]
        real = (tokens != PADDING).to(summed.dtype)[:, :, None]
        return torch.cat([self.norm(summed) * real, real], dim=2)


class Layer(nn.Module):
    """Self-attention and feed-forward over the tokens, (B, L, width + 1) → the same; padding stays 0."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer = layer
        self.width = width

    def forward(self, states: Tensor) -> Tensor:
        hidden, real = states[:, :, : self.width], states[:, :, self.width :]
        far = ((1 - real) * FAR).transpose(1, 2)[:, None]
        made: Tensor = self.layer(hidden, far)
        return torch.cat([made * real, real], dim=2)


class Mean(nn.Module):
    """The mean over the tokens: (B, L, width + 1) → (B, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, states: Tensor) -> Tensor:
        hidden, real = states[:, :, : self.width], states[:, :, self.width :]
        return hidden.sum(dim=1) / real.sum(dim=1).clamp(min=1)


def tokens_and_mask(width: int, states: Tensor) -> dict[str, Tensor]:
    """(B, L, width + 1) → `tokens` (B, L, width) and their `mask` (B, L)."""
    return {"tokens": states[:, :, :width], "mask": states[:, :, width]}


def chain(model: BertModel) -> Backbone:
    """Embeddings, a block for each layer, mean; a pooler is not used."""
    held = model.embeddings
    embeddings = Embeddings(
        held.word_embeddings, held.position_embeddings, held.LayerNorm, held.token_type_embeddings
    )
    return encoder(embeddings, model.encoder.layer, model.config.hidden_size)


def encoder(embeddings: Embeddings, layers: Iterable[nn.Module], width: int) -> Backbone:
    """The same of embeddings and layers by whatever names."""
    names = Names(split=partial(tokens_and_mask, width), parts=("tokens", "mask"))
    return Backbone([embeddings, *(Layer(layer, width) for layer in layers), Mean(width)], width, names=names)
