"""A small convolutional release with the real pre-processing, and pictures of several sizes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from components.export.release import ReleaseNetwork, export_release
from components.modalities import load_modality
from components.modalities.image.decode import SIGNATURE
from components.params.backbone import ImageSpec
from components.params.task import TaskParams
from components.problems.classification.decision import Softmax

SPEC = ImageSpec(32, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


class SmallBackbone(nn.Module):
    """Normalised images (B, 3, S, S) → features (B, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU6(),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.layers(images).mean(dim=(2, 3))
        return features


@pytest.fixture(scope="session")
def network() -> ReleaseNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        modality = load_modality(TaskParams(), SPEC)
        made = ReleaseNetwork(modality.preprocessor(), SmallBackbone(), nn.Linear(16, 2), Softmax(0.25))
        made.backbone.layers[1].running_mean.uniform_(-0.5, 0.5)
        made.backbone.layers[1].running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.fixture(scope="session")
def release(network: ReleaseNetwork) -> bytes:
    return export_release(network, SIGNATURE, "probabilities", 20)


@pytest.fixture(scope="session")
def reference(network: ReleaseNetwork) -> Callable[[np.ndarray], np.ndarray]:
    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return run


@pytest.fixture(scope="session")
def pictures() -> Callable[[int, int, int], np.ndarray]:
    """(count, height, width) → uint8 (count, height, width, 3): stripes with noise, of varying brightness."""

    def draw(count: int, height: int = 48, width: int = 40) -> np.ndarray:
        random = np.random.default_rng(count * 10_000 + height * 100 + width)
        level = random.uniform(40, 200, (count, 1, 1, 3)) + 30 * np.sin(np.arange(width) / 3)[:, None]
        return (level + random.normal(0, 15, (count, height, width, 3))).clip(0, 255).astype(np.uint8)

    return draw
