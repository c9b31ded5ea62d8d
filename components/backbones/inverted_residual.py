"""Networks of inverted residuals with linear bottlenecks: stem, blocks, head (Sandler et al., CVPR 2018, table 2)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from components.backbones.base import Backbone
from components.backbones.named import MAPS

STEM, WIDTH = 32, 1280


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's 'SAME' padding: output ceil(S / stride), the odd pixel at the end.

    Total padding on a side of S pixels: max((ceil(S / stride) - 1) · stride + kernel - S, 0).
    """

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        # With stride 1 the padding is the same on both sides, so the convolution does it without a copy.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(into, out, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, into, H, W) → (B, out, ceil(H / stride), ceil(W / stride))."""
        if self.stride[0] > 1:
            high, wide = (self._total(side) for side in images.shape[-2:])
            images = F.pad(images, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(images)

    def _total(self, side: int) -> int:
        stride, kernel = self.stride[0], self.kernel_size[0]
        return max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)


@dataclass(frozen=True)
class Convention:
    """What the framework that trained the weights does around a convolution.

    Attributes:
        same: TensorFlow's 'SAME' padding; otherwise kernel // 2 pixels on every side.
        eps, momentum: of BatchNorm; the momentum is the share of the new batch.
    """

    same: bool
    eps: float
    momentum: float

    def convolution(self, into: int, out: int, kernel: int, stride: int, groups: int) -> nn.Conv2d:
        if self.same:
            return SameConv2d(into, out, kernel, stride, groups)
        return nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False)


TENSORFLOW = Convention(same=True, eps=1e-3, momentum=0.01)
TORCHVISION = Convention(same=False, eps=1e-5, momentum=0.1)


class ConvNorm(nn.Module):
    """Convolution and BatchNorm: (B, into, H, W) → (B, out, H / stride, W / stride), rounded up."""

    def __init__(
        self, into: int, out: int, by: Convention, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = by.convolution(into, out, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(out, eps=by.eps, momentum=by.momentum)

    def forward(self, images: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(images))
        return normed


class ConvNormReLU(ConvNorm):
    """ConvNorm and ReLU6."""

    def forward(self, images: Tensor) -> Tensor:
        return F.relu6(super().forward(images))


class InvertedResidual(nn.Module):
    """Expand, depthwise, project without activation; the input is added where stride and channels allow it."""

    def __init__(self, into: int, stage: Stage, stride: int, by: Convention) -> None:
        super().__init__()
        inside = into * stage.expansion
        self.expand = ConvNormReLU(into, inside, by) if stage.expansion > 1 else nn.Identity()
        self.depthwise = ConvNormReLU(inside, inside, by, stage.kernel, stride, groups=inside)
        self.project = ConvNorm(inside, stage.channels, by)
        self.residual = stride == 1 and into == stage.channels

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.project(self.depthwise(self.expand(images)))
        return images + made if self.residual else made


class Head(ConvNormReLU):
    """1×1 convolution to the feature width, then the mean over all positions."""

    def forward(self, images: Tensor) -> Tensor:
        """(B, into, H, W) → (B, out)."""
        return super().forward(images).mean((2, 3))


def chain(stages: Iterable[Stage], by: Convention) -> Backbone:
    """Stem of 32 channels and stride 2, the stages' blocks, head to 1280 features."""
    units: list[nn.Module] = [ConvNormReLU(3, STEM, by, kernel=3, stride=2)]
    into = STEM
    for stage in stages:
        for repeat in range(stage.repeats):
            units.append(InvertedResidual(into, stage, stage.stride if repeat == 0 else 1, by))
            into = stage.channels
    units.append(Head(into, WIDTH, by))
    return Backbone(units, WIDTH, names=MAPS)
