"""Gradient surgery by hand: two gradients in the plane, and what shared parameters of real layers get."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.methods.pcgrad import surgery
from components.training.gradients import backward_each


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_two_that_conflict_by_hand() -> None:
    """g₁ = (1, 0), g₂ = (-1, 1), g₁·g₂ = -1.

    g₁ + 1/2 g₂ = (1/2, 1/2);   g₂ + 1/1 g₁ = (0, 1);   together (1/2, 3/2). The plain sum is (0, 1).
    """
    found = surgery(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]), draw())
    assert found.tolist() == pytest.approx([0.5, 1.5])


def test_without_a_conflict_it_is_the_plain_sum() -> None:
    gradients = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0], [0.5, 0.5, 0.0]])
    assert torch.equal(surgery(gradients, draw()), gradients.sum(0))


def test_opposite_gradients_leave_nothing() -> None:
    assert surgery(torch.tensor([[2.0, -1.0], [-2.0, 1.0]]), draw()).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(4))
def test_three_go_by_the_drawn_order_and_the_gradients_as_they_were(seed: int) -> None:
    each = np.array([[1.0, 0.0, 0.5], [-1.0, 1.0, 0.0], [-0.5, -2.0, 1.0]])
    order, expected = draw(seed), np.zeros(3)
    for own, others in ((0, [1, 2]), (1, [0, 2]), (2, [0, 1])):
        kept = each[own]
        for other in order.permutation(others):
            if kept @ each[other] < 0:
                kept = kept - kept @ each[other] / (each[other] @ each[other]) * each[other]
        expected += kept
    found = surgery(torch.from_numpy(each).float(), draw(seed))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_the_order_matters_so_it_is_drawn() -> None:
    each = torch.tensor([[1.0, 0.0, 0.5], [-1.0, 1.0, 0.0], [-0.5, -2.0, 1.0]])
    found = {tuple(surgery(each, draw(seed)).tolist()) for seed in range(8)}
    assert len(found) > 1


def test_small_gradients_are_told_apart_all_the_same() -> None:
    """In float32, the square of 1e-30 is 0."""
    found = surgery(torch.tensor([[1e-30, 0.0], [-1e-30, 1e-30]]), draw())
    assert found.tolist() == pytest.approx([0.5e-30, 1.5e-30])


def test_only_what_is_shared_is_combined() -> None:
    trunk, first, second, idle = (nn.Parameter(torch.tensor([v])) for v in (2.0, 3.0, 5.0, 7.0))
    losses = [(trunk * first).sum(), (trunk * second).square().sum()]
    seen: list[Tensor] = []

    def combine(gradients: Tensor) -> Tensor:
        seen.append(gradients)
        return gradients[0] - gradients[1]

    backward_each(losses, [idle, trunk, first, second], combine)
    # ∂(t a) = a = 3;  ∂(t b)² / ∂t = 2 t b² = 100, / ∂b = 2 t² b = 40.
    assert [found.tolist() for found in seen] == [[[3.0], [100.0]]]
    assert trunk.grad is not None
    assert trunk.grad.item() == -97
    assert first.grad is not None
    assert first.grad.item() == 2
    assert second.grad is not None
    assert second.grad.item() == 40
    assert idle.grad is None


def test_what_two_of_three_share_counts_as_0_for_the_third() -> None:
    one, two = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2))
    losses = [one.sum() + two.sum(), 2 * one.sum() + 3 * two.sum(), 4 * one.sum()]
    seen: list[Tensor] = []

    def combine(gradients: Tensor) -> Tensor:
        seen.append(gradients)
        return gradients.sum(0)

    backward_each(losses, [one, two], combine)
    assert seen[0].tolist() == [[1, 1, 1], [2, 3, 3], [4, 0, 0]]


def test_a_sum_of_gradients_is_the_gradient_of_the_sum_in_the_parameters_layout() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = torch.randn(2, 3, 6, 6)
    parameters = list(layer.parameters())
    losses = [layer(inputs).square().mean(), layer(inputs).abs().mean()]
    sum(losses).backward()  # type: ignore[union-attr]
    expected = [parameter.grad for parameter in parameters]
    losses = [layer(inputs).square().mean(), layer(inputs).abs().mean()]
    backward_each(losses, parameters, lambda gradients: gradients.sum(0))
    for parameter, gradient in zip(parameters, expected, strict=True):
        assert parameter.grad is not None
        assert gradient is not None
        assert torch.allclose(parameter.grad, gradient, atol=1e-7)
        assert parameter.grad.stride() == parameter.stride()


def descend(combine: Callable[[Tensor], Tensor]) -> float:
    """20 steps in a curved valley: L₁ = 5 (y - x²)² holds to its floor, L₂ = ½ (x - 1)² + ½ (y - 3)² leads out."""
    place = nn.Parameter(torch.tensor([0.0, 2.0]))

    def losses() -> list[Tensor]:
        x, y = place[0], place[1]
        return [5 * (y - x.square()).square(), (x - 1).square() / 2 + (y - 3).square() / 2]

    for _ in range(20):
        backward_each(losses(), [place], combine)
        assert place.grad is not None
        place.data -= 0.03 * place.grad
    return sum(loss.item() for loss in losses())


def test_where_a_steep_task_conflicts_it_gets_further_than_the_plain_sum() -> None:
    order = draw()
    plain = descend(lambda gradients: gradients.sum(0))
    mended = descend(lambda gradients: surgery(gradients, order))
    assert plain > 1.5
    assert mended < 0.5
