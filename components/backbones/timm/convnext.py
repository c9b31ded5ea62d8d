"""ConvNeXt (Liu et al., CVPR 2022); of V2, the response norms have no rule for fresh weights here."""

from typing import Any

from torch import nn

from components.backbones.base import Backbone
from components.backbones.from_timm import TimmFamily
from components.backbones.named import MAPS


def chain(model: Any) -> Backbone:  # the library has no types
    """Stem, a block for each residual block, pooling and norm; what makes maps smaller belongs to the next block."""
    blocks: list[nn.Module] = []
    for stage in model.stages:
        first, *others = stage.blocks
        blocks += [nn.Sequential(stage.downsample, first), *others]
    return Backbone(
        [model.stem, *blocks, nn.Sequential(model.norm_pre, model.head)], model.num_features, names=MAPS
    )


FAMILY = TimmFamily(("ConvNeXt",), chain)
