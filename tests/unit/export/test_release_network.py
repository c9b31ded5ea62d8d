"""The shipped network: any picture in, probabilities out, as torch says."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from components.export.release import ReleaseNetwork, export_release
from components.modalities.image.decode import SIGNATURE
from components.problems.classification.decision import Softmax
from components.runtime.sessions import open_session

Pictures = Callable[..., np.ndarray]


class Mean(nn.Module):
    """uint8 (B, H, W, 3) → float32 (B, 3): the mean colour."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.to(torch.float32).mean(dim=(1, 2))


class FirstTwo(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2]


def test_probabilities_are_a_softmax_over_logits_by_temperature() -> None:
    """Mean colour (30, 10): logits over temperature 10 are (3, 1), so p = 1 / (1 + e⁻²)."""
    model = export_release(
        ReleaseNetwork(Mean(), nn.Identity(), FirstTwo(), Softmax(10.0)).eval(),
        SIGNATURE,
        "probabilities",
        20,
    )
    image = np.broadcast_to(np.array([30, 10, 99], dtype=np.uint8), (2, 5, 7, 3))
    (found,) = open_session(model, ["cpu"], 1).run(None, {"image": image})
    np.testing.assert_allclose(found, [[0.880797, 0.119203]] * 2, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (300, 300), (47, 131), (20, 9), (1, 1)])
def test_it_is_torch_for_any_size_and_batch(
    release: bytes,
    reference: Callable[..., np.ndarray],
    pictures: Pictures,
    batch: int,
    height: int,
    width: int,
) -> None:
    images = pictures(batch, height, width)
    (found,) = open_session(release, ["cpu"], 1).run(None, {"image": images})
    assert found.shape == (batch, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found, reference(images), atol=2e-6)


def test_the_signature_names_its_axes(release: bytes) -> None:
    session = open_session(release, ["cpu"], 1)
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == (
        "image",
        "tensor(uint8)",
        ["batch", "height", "width", 3],
    )
    assert (made.name, made.type, made.shape) == ("probabilities", "tensor(float)", ["batch", 2])


def test_a_different_temperature_is_a_different_release(network: ReleaseNetwork, release: bytes) -> None:
    warmer = ReleaseNetwork(network.preprocess, network.backbone, network.head, Softmax(4.0)).eval()
    assert export_release(warmer, SIGNATURE, "probabilities", 20) != release
    assert export_release(network, SIGNATURE, "probabilities", 20) == release
