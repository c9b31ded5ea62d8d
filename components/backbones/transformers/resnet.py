"""ResNet, with basic or bottleneck blocks (He et al., CVPR 2016)."""

from torch import Tensor, nn
from transformers import ResNetModel

from components.backbones.base import Backbone
from components.backbones.from_transformers import images
from components.backbones.named import MAPS


class Pool(nn.Module):
    """The mean over all positions, (B, C, h, w) → (B, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


def chain(model: ResNetModel) -> Backbone:
    """Stem, a block for each residual block, mean: the library's `pooler_output`."""
    blocks = [b for stage in model.encoder.stages for b in stage.get_submodule("layers").children()]
    widths = model.config.hidden_sizes or ()
    return Backbone([model.embedder, *blocks, Pool()], widths[-1], names=MAPS)


FAMILY = images(ResNetModel, chain)
