"""The family EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6, for edge processors.

Architecture: Tan & Le, ICML 2019, table 1 (B0), scaled by their equation 3 and changed by the TensorFlow TPU
repository's `efficientnet/lite`: stem (32), head (1280) and the repeats of the first and last stage are not scaled.
"""

import math

from components.backbones.base import Backbone
from components.backbones.inverted_residual import TENSORFLOW, Stage, chain
from components.params.backbone import ImageSpec

STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)
# Channels are multiples of this, and rounding takes away no more than a tenth.
DIVISOR, LEAST = 8, 0.9

CLASSIFIER = ("_fc.weight", "_fc.bias")
PARTS = {
    "expand.conv": "_expand_conv",
    "expand.norm": "_bn0",
    "depthwise.conv": "_depthwise_conv",
    "depthwise.norm": "_bn1",
    "project.conv": "_project_conv",
    "project.norm": "_bn2",
}
STEM = {"conv": "_conv_stem", "norm": "_bn0"}
HEAD = {"conv": "_conv_head", "norm": "_bn1"}


def scaled(width: float, depth: float) -> Backbone:
    """The network whose channels are `width` and whose repeats are `depth` times those of Lite0."""
    first, *between, last = (stage._replace(channels=channels(stage.channels, width)) for stage in STAGES)
    deeper = (stage._replace(repeats=math.ceil(stage.repeats * depth)) for stage in between)
    return chain([first, *deeper, last], TENSORFLOW)


def channels(count: int, width: float) -> int:
    """`count` · `width`, to the nearest multiple of 8, and up where that took more than a tenth."""
    wanted = count * width
    nearest = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= LEAST * wanted else nearest + DIVISOR


def raw_name(name: str) -> str:
    """`units.3.expand.conv.weight` → `_blocks.2._expand_conv.weight`, as in the published checkpoints."""
    _, unit, rest = name.split(".", 2)
    part, tensor = rest.rsplit(".", 1)
    if part in STEM:  # a block's parts have two words
        return f"{(STEM if unit == '0' else HEAD)[part]}.{tensor}"
    return f"_blocks.{int(unit) - 1}.{PARTS[part]}.{tensor}"


def spec(size: int) -> ImageSpec:
    """What the family's weights were trained on, at so many pixels."""
    return ImageSpec(size=size, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
