"""Overlay and evidence map against networks that can be computed by hand."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import nn

from components.reporting.pictures import WARM, overlay, photograph
from components.reporting.saliency import evidence_map


class Pool(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Over positions: (B, C, h, w) or (B, tokens, C) → (B, C)."""
        return x.mean(dim=(2, 3) if x.ndim == 4 else 1)


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_map_of_a_linear_head_is_weights_times_activations() -> None:
    """Two channels, weights 2 and -1: evidence relu(2a - b), over its largest value."""
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    images = torch.tensor([[[[1.0, 0.0], [2.0, 0.5]], [[1.0, 3.0], [0.0, 1.0]]]])
    found = evidence_map(nn.Identity(), nn.Sequential(Pool(), linear), images, torch.tensor([0]))
    # 2a - b = [[1, -3], [4, 0]]
    assert torch.allclose(found, torch.tensor([[[0.25, 0.0], [1.0, 0.0]]]))


def test_of_a_text_each_token_has_its_share() -> None:
    """Three tokens of two channels, pooled: 2a - b = [1, 4, -3]."""
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    tokens = torch.tensor([[[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]]])
    found = evidence_map(nn.Identity(), nn.Sequential(Pool(), linear), tokens, torch.tensor([0]))
    assert torch.allclose(found, torch.tensor([[0.25, 1.0, 0.0]]))


def test_map_is_zero_where_nothing_speaks_for_the_class() -> None:
    linear = nn.Linear(1, 1, bias=False)
    linear.weight.data = torch.tensor([[-1.0]])
    found = evidence_map(
        nn.Identity(), nn.Sequential(Pool(), linear), torch.ones(1, 1, 2, 2), torch.tensor([0])
    )
    assert not found.any()


class Majority(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(x), 2)


def test_map_is_zero_where_the_head_counts_votes() -> None:
    found = evidence_map(nn.Identity(), Majority(), torch.ones(1, 3, 2, 2), torch.tensor([0]))
    assert found.shape == (1, 2, 2)
    assert not found.any()


def test_overlay_is_clear_where_the_map_is_zero() -> None:
    evidence = np.zeros((4, 4), np.float32)
    evidence[0, 0] = 1.0
    picture = opened(overlay(evidence)).convert("RGBA")
    assert picture.getpixel((picture.width - 1, picture.height - 1)) == (*WARM, 0)
    corner = picture.getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert 150 < corner[3] < 190


def test_photograph_is_a_small_jpeg() -> None:
    picture = opened(photograph(np.full((30, 40, 3), 128, np.uint8)))
    assert (picture.format, picture.size) == ("JPEG", (40, 30))
