"""ConvNeXt: residual blocks of a depthwise and two pointwise convolutions (Liu et al., CVPR 2022)."""

from torch import Tensor, nn
from transformers import ConvNextModel

from components.backbones.base import Backbone
from components.backbones.from_transformers import images
from components.backbones.named import MAPS


class Pool(nn.Module):
    """The mean over all positions, normed: (B, C, h, w) → (B, C)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, maps: Tensor) -> Tensor:
        normed: Tensor = self.norm(maps.mean((2, 3)))
        return normed


def chain(model: ConvNextModel) -> Backbone:
    """Stem, a block for each residual block, mean and norm: the library's `pooler_output`.

    What makes maps smaller belongs to the block that follows.
    """
    blocks: list[nn.Module] = []
    for stage in model.encoder.stages:
        smaller, layers = (stage.get_submodule(name).children() for name in ("downsampling_layer", "layers"))
        first, *others = layers
        blocks += [nn.Sequential(*smaller, first), *others]
    return Backbone(
        [model.embeddings, *blocks, Pool(model.layernorm)], model.layernorm.normalized_shape[0], names=MAPS
    )


FAMILY = images(ConvNextModel, chain)
