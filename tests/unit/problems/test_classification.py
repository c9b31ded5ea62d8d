"""Classification's network and decision, by hand."""

import numpy as np
import pytest
import torch
from classified import classes, described

from components.params.task import TaskParams
from components.problems import decision
from components.problems.base import Decision
from components.training.plan import MeanLoss

LOSS = MeanLoss(classes())


def test_loss_with_weights_is_the_weighted_risk_and_finite_where_a_batch_weighs_nothing() -> None:
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    targets = torch.tensor([0, 1])
    first, second = np.log(2), np.log(1 + np.exp(2.0))
    loss = LOSS(logits, targets, torch.tensor([3.0, 1.0]))
    assert loss.item() == pytest.approx((3 * first + second) / 2, rel=1e-5)
    assert LOSS(logits, targets, torch.zeros(2)).item() == 0
    assert LOSS(logits, targets).item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_label_smoothing_mixes_in_the_uniform_distribution() -> None:
    logits, targets = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    one, other = np.log(1 + np.exp(-2.0)), np.log(1 + np.exp(2.0))
    smoothed = LOSS(logits, targets, label_smoothing=0.2)
    assert smoothed.item() == pytest.approx(0.9 * one + 0.1 * other, rel=1e-5)


def test_head_and_probabilities() -> None:
    made = decision(TaskParams(), described(3)).module()(classes(3).head(7)(torch.zeros(2, 7)))
    assert made.shape == (2, 3)
    assert torch.allclose(made.sum(1), torch.ones(2))


def decides(count: int = 2, **fitted: object) -> Decision:
    return decision(TaskParams(), described(count), fitted)


@pytest.mark.parametrize(
    ("fitted", "expected"),
    [
        ({}, [0, 1, 1]),
        ({"positive": "1", "threshold": 0.7}, [0, 0, 1]),
        ({"positive": "1", "threshold": 0.2}, [0, 1, 1]),
        ({"positive": "0", "threshold": 0.35}, [0, 0, 1]),
        ({"positive": "0"}, [0, 1, 1]),
    ],
)
def test_a_threshold_decides_for_the_positive_class(fitted: dict[str, object], expected: list[int]) -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9]], dtype=np.float32)
    assert decides(**fitted)(probabilities).tolist() == expected


def test_the_threshold_itself_is_positive_and_more_classes_take_the_most_probable() -> None:
    assert decides(positive="1", threshold=0.5)(np.array([[0.5, 0.5]])).tolist() == [1]
    assert decides(3, positive="1", threshold=0.1)(np.array([[0.2, 0.3, 0.5]])).tolist() == [2]


def test_a_tie_with_the_threshold_is_decided_alike_in_both_types() -> None:
    """0.7 as float32 lies below 0.7: a release that scores in float32 decides as the evaluation in float64 did."""
    scored = np.array([[0.3, 0.7]], dtype=np.float32)
    decide = decides(positive="1", threshold=0.7)
    assert decide(scored).tolist() == decide(scored.astype(np.float64)).tolist() == [0]
