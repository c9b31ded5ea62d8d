"""ResNet and its kin with the same stages: ResNeXt, SE-ResNet, Wide ResNet (He et al., CVPR 2016)."""

from typing import Any

from torch import nn

from components.backbones.base import Backbone
from components.backbones.from_timm import TimmFamily
from components.backbones.named import MAPS


def chain(model: Any) -> Backbone:  # the library has no types
    """Stem, a block for each residual block, pooling."""
    stem = nn.Sequential(model.conv1, model.bn1, model.act1, model.maxpool)
    stages = (model.layer1, model.layer2, model.layer3, model.layer4)
    return Backbone(
        [stem, *(b for stage in stages for b in stage), model.global_pool], model.num_features, names=MAPS
    )


FAMILY = TimmFamily(("ResNet",), chain)
