"""ViT: a transformer over patches of an image (Dosovitskiy et al., ICLR 2021)."""

from torch import Tensor, nn
from transformers import ViTModel

from components.backbones.base import Backbone
from components.backbones.from_transformers import images
from components.backbones.named import Names


class Patches(nn.Module):
    """Images (B, 3, h, w) → tokens (B, 1 + patches, width), the class's first; positions fit any size."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, images: Tensor) -> Tensor:
        tokens: Tensor = self.embeddings(images, interpolate_pos_encoding=True)
        return tokens


class First(nn.Module):
    """The class's token, normed: (B, tokens, width) → (B, width)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, tokens: Tensor) -> Tensor:
        normed: Tensor = self.norm(tokens[:, 0])
        return normed


def chain(model: ViTModel) -> Backbone:
    """Patches, `num_hidden_layers` blocks, the class's token: what the library's classifier sees."""
    units = [Patches(model.embeddings), *model.layers, First(model.layernorm)]
    return Backbone(units, model.config.hidden_size, marks=1, names=Names("tokens"))


FAMILY = images(ViTModel, chain, add_pooling_layer=False)
