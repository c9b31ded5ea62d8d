"""EfficientNet, MobileNetV2 to V4, and others of inverted residuals (Tan & Le, ICML 2019; Howard et al., ICCV 2019)."""

from typing import Any

from torch import nn

from components.backbones.base import Backbone
from components.backbones.from_timm import TimmFamily
from components.backbones.named import MAPS


def chain(model: Any) -> Backbone:  # the library has no types
    """Stem, a block for each residual block, the last convolution and pooling: MobileNetV3 pools before it."""
    if type(model).__name__ == "MobileNetV3":
        last = nn.Sequential(model.global_pool, model.conv_head, model.norm_head, model.act2, model.flatten)
    else:
        last = nn.Sequential(model.conv_head, model.bn2, model.global_pool)
    blocks = (block for stage in model.blocks for block in stage)
    return Backbone(
        [nn.Sequential(model.conv_stem, model.bn1), *blocks, last], model.head_hidden_size, names=MAPS
    )


FAMILY = TimmFamily(("EfficientNet", "MobileNetV3"), chain)
