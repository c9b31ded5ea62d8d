import pytest
import torch

from components.backbones.inverted_residual import (
    TENSORFLOW,
    TORCHVISION,
    Convention,
    InvertedResidual,
    SameConv2d,
    Stage,
)


@pytest.mark.parametrize(
    ("size", "kernel", "expected"),
    [
        # Sums over the windows of a row of ones, by hand. Even size, kernel 3: padding (0, 1).
        (4, 3, [3, 2]),
        # Odd size, kernel 3: padding (1, 1).
        (5, 3, [2, 3, 2]),
        # Even size, kernel 5: padding (1, 2).
        (6, 5, [4, 5, 3]),
    ],
)
def test_padding_is_tensorflows(size: int, kernel: int, expected: list[int]) -> None:
    convolution = SameConv2d(1, 1, kernel, stride=2)
    torch.nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, kernel // 2] = 1.0  # one row of the kernel: sums along the width
    made = convolution(torch.ones(1, 1, size, size))
    assert made.shape[-2:] == (len(expected), len(expected))
    assert made[0, 0, 0].tolist() == expected


@pytest.mark.parametrize(("stride", "channels", "added"), [(1, 8, True), (2, 8, False), (1, 16, False)])
@pytest.mark.parametrize("by", [TENSORFLOW, TORCHVISION])
def test_the_input_is_added_where_it_has_the_outputs_shape(
    by: Convention, stride: int, channels: int, added: bool
) -> None:
    """A projection of zeros, and a norm that keeps them: what comes out is the input, or nothing."""
    block = InvertedResidual(8, Stage(1, 3, stride, 6, channels), stride, by).eval()
    torch.nn.init.zeros_(block.project.conv.weight)
    images = torch.rand(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = block(images)
    assert made.shape == (2, channels, *(2 * [9 if stride == 1 else 5]))
    assert torch.equal(made, images if added else torch.zeros_like(made))
