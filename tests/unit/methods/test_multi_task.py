"""Auxiliary heads and their balancing, by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from steps import make_step, tensor, wave
from torch import Tensor

from components.methods import load_tasks
from components.methods.multi_task import Column, MultiTask
from components.methods.objective import Shape, Step
from components.methods.uncertainty import Uncertainty, weighted
from components.params.objectives import TasksParams

FEATURES = wave(4, 3, 0.7)
# Six training samples; the batch holds samples 5, 0, 3 and 2 of them.
INDICES = torch.tensor([5, 0, 3, 2])
KIND = Column("kind", ("a", "b"), torch.tensor([0, 1, 1, 0, 1, 1]))
PLACE = Column("place", ("x", "y", "z"), torch.tensor([2, -1, -1, 1, 0, 0]))


def make_tasks(columns: Sequence[Column] = (KIND, PLACE), **values: object) -> MultiTask:
    names = [column.name for column in columns]
    params = TasksParams.model_validate({"columns": names, **values})
    made = load_tasks(params, Shape(width=3, classes=2, seed=1), columns)
    assert made is not None
    return made


def step() -> Step:
    return replace(make_step(tensor(FEATURES), tensor(FEATURES)), indices=INDICES)


def test_no_column_no_tasks() -> None:
    assert load_tasks(TasksParams(), Shape(3, 2, 1), []) is None


def test_a_head_starts_with_all_values_alike() -> None:
    kind, place = make_tasks().losses(step())
    assert kind.item() == pytest.approx(math.log(2))
    assert place.item() == pytest.approx(math.log(3))


def test_the_loss_is_the_mean_over_samples_with_a_value() -> None:
    tasks = make_tasks()
    weight, bias = wave(3, 3, 0.4), wave(1, 3, 1.1)[0]
    with torch.no_grad():
        tasks.heads[1].weight.copy_(tensor(weight))  # type: ignore[operator, union-attr]
        tasks.heads[1].bias.copy_(tensor(bias))  # type: ignore[operator, union-attr]
    logits = FEATURES @ weight.T + bias
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    # Of samples 5, 0, 3, 2 the places are 0, 2, 1 and none.
    expected = -(logs[0, 0] + logs[1, 2] + logs[2, 1]) / 3
    assert tasks.losses(step())[1].item() == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_any_value_asks_for_nothing() -> None:
    nothing = Column("none", ("a", "b"), torch.full((6,), -1))
    (loss,) = make_tasks([nothing]).losses(step())
    assert loss.item() == 0


def test_fixed_weights() -> None:
    main = torch.tensor(0.25)
    (total,) = make_tasks(balance="fixed", weight=0.5)(step(), main)
    assert total.item() == pytest.approx(0.25 + 0.5 * (math.log(2) + math.log(3)))
    (plain,) = make_tasks(balance="fixed")(step(), main)
    assert plain.item() == pytest.approx(0.25 + math.log(2) + math.log(3))


def test_pcgrad_gets_a_loss_a_task_and_draws_by_seed_and_step() -> None:
    tasks = make_tasks(balance="pcgrad", weight=0.5)
    found = tasks(step(), torch.tensor(0.25))
    assert [loss.item() for loss in found] == pytest.approx([0.25, 0.5 * math.log(2), 0.5 * math.log(3)])
    gradients = torch.tensor([[1.0, 0.0, 0.5], [-1.0, 1.0, 0.0], [-0.5, -2.0, 1.0]])
    drawn = [tuple(tasks.combine(replace(step(), number=n), gradients).tolist()) for n in range(8)]
    assert len(set(drawn)) > 1
    assert drawn == [tuple(tasks.combine(replace(step(), number=n), gradients).tolist()) for n in range(8)]


def test_uncertainty_by_hand() -> None:
    """With s = (0, log 4): 1·3 + 0 + 2/4 + log(4)/2."""
    spread = torch.tensor([0.0, math.log(4)], requires_grad=True)
    losses = torch.tensor([3.0, 2.0], requires_grad=True)
    total = weighted(losses, spread)
    assert total.item() == pytest.approx(3 + 0.5 + math.log(4) / 2)
    total.backward()  # type: ignore[no-untyped-call]
    assert _held(losses.grad) == pytest.approx([1, 0.25])
    # ∂/∂s = 1/2 - exp(-s) L
    assert _held(spread.grad) == pytest.approx([0.5 - 3, 0.5 - 0.5])


def test_uncertainty_starts_with_the_plain_sum_and_settles_where_a_weight_is_half_of_1_over_its_loss() -> (
    None
):
    tasks = make_tasks(balance="uncertainty")
    assert isinstance(tasks, Uncertainty)
    (total,) = tasks(step(), torch.tensor(0.25))
    assert total.item() == pytest.approx(0.25 + math.log(2) + math.log(3))
    losses = torch.tensor([0.25, 2.0, 0.5])
    for _ in range(200):
        tasks.log_variances.grad = None
        weighted(losses, tasks.log_variances).backward()  # type: ignore[no-untyped-call]
        tasks.log_variances.data -= 0.3 * tasks.log_variances.grad  # type: ignore[operator]
    assert torch.allclose((-tasks.log_variances).exp(), 1 / (2 * losses), rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"balance": "pcgrad"}, "no tasks to balance"),
        ({"columns": ["a", "b", "a"]}, "'a' twice"),
        ({"columns": ["a"], "balance": "uncertainty", "weight": 2.0}, "learns the weights"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TasksParams.model_validate(values)


def _held(gradient: Tensor | None) -> list[float]:
    assert gradient is not None
    return [float(value) for value in gradient]
