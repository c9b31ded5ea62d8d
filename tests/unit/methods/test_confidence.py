"""Entropy, information maximisation, MCC and pseudo-labels by the formulas of their docstrings, worked out in numpy.

Values of pytorch-adapt 0.0.83 for the same numbers stand beside them; those of SciPy and scikit-learn are called for.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score
from steps import Array, make_step, tensor, wave

from components.methods.cdan import CDAN
from components.methods.distillation import distillation
from components.methods.entropy import entropy
from components.methods.information_maximisation import information_loss
from components.methods.mcc import class_confusion
from components.methods.objective import Shape, Step, Unlabelled
from components.methods.pseudo_labels import PseudoLabels, ramp, self_training
from components.methods.tent import doubt
from components.params.objectives import ObjectivesParams

LOGITS = 3 * wave(6, 3, 1.3)


def softmax(logits: Array) -> Array:
    raised = np.exp(logits)
    return np.asarray(raised / raised.sum(1, keepdims=True))


def test_entropy_in_nats() -> None:
    p = softmax(LOGITS)
    assert entropy(tensor(LOGITS)).item() == pytest.approx(-(p * np.log(p)).sum(1).mean(), abs=1e-6)
    assert entropy(tensor(LOGITS)).item() == pytest.approx(0.3569212162, abs=1e-5)  # pytorch-adapt
    assert entropy(tensor(LOGITS)).item() == pytest.approx(stats.entropy(p, axis=1).mean(), abs=1e-6)
    assert entropy(torch.zeros(2, 4)).item() == pytest.approx(np.log(4))
    assert entropy(torch.tensor([[1e4, -1e4]])).item() == 0


def test_information_maximisation_is_entropy_less_that_of_the_mean_answer() -> None:
    p = softmax(LOGITS)
    together = p.mean(0)
    by_hand = -(p * np.log(p)).sum(1).mean() + (together * np.log(together)).sum()
    assert information_loss(tensor(LOGITS)).item() == pytest.approx(by_hand, abs=1e-6)
    # What an answer tells about which sample it is, where all are equally likely.
    counts = np.rint(1e8 * p)  # which is cut down to whole numbers there
    mutual = mutual_info_score(None, None, contingency=counts)
    assert information_loss(tensor(LOGITS)).item() == pytest.approx(-mutual, abs=1e-6)
    assert information_loss(100 * torch.eye(3)).item() == pytest.approx(-np.log(3), abs=1e-6)
    assert information_loss(torch.zeros(2, 4)).item() == pytest.approx(0, abs=1e-6)
    assert information_loss(torch.tensor([[1e4, -1e4]] * 2)).item() == 0


def mcc_by_hand(logits: Array, given: Array | None = None) -> float:
    """`given`: weights that stand, whatever the logits."""
    y = softmax(logits / 2.5)
    w = mcc_weights(logits) if given is None else given
    classes = y.shape[1]
    c = np.array([[(w * y[:, j] * y[:, k]).sum() for k in range(classes)] for j in range(classes)])
    share = c / c.sum(1)[:, None]
    return float(sum(share[j, k] for j in range(classes) for k in range(classes) if j != k) / classes)


def mcc_weights(logits: Array) -> Array:
    y = softmax(logits / 2.5)
    sure = 1 + np.exp((y * np.log(y)).sum(1))
    return np.asarray(len(y) * sure / sure.sum())


def test_mcc_is_what_lies_beside_the_diagonal() -> None:
    found = class_confusion(tensor(LOGITS)).item()
    assert found == pytest.approx(mcc_by_hand(LOGITS), abs=1e-6)
    assert found == pytest.approx(0.5133094437, abs=1e-5)  # pytorch-adapt


def test_no_gradient_goes_through_the_weights_of_mcc() -> None:
    logits = torch.from_numpy(LOGITS).requires_grad_()
    class_confusion(logits).backward()  # type: ignore[no-untyped-call]
    up, down, weights = LOGITS.copy(), LOGITS.copy(), mcc_weights(LOGITS)
    up[0, 2] += 1e-6
    down[0, 2] -= 1e-6
    # pytorch-adapt, like the authors' program, has 0.0042.
    slope = (mcc_by_hand(up, weights) - mcc_by_hand(down, weights)) / 2e-6
    assert logits.grad is not None
    assert logits.grad[0, 2].item() == pytest.approx(slope, abs=1e-7)
    assert slope == pytest.approx(0.0042, abs=5e-5)


def test_mcc_is_nothing_where_all_are_sure_and_stays_finite_where_a_class_is_never_seen() -> None:
    assert class_confusion(100 * torch.eye(3)).item() == pytest.approx(0, abs=1e-6)
    logits = torch.tensor([[1000.0, 0.0, -1000.0]] * 2, requires_grad=True)
    confusion = class_confusion(logits)
    confusion.backward()  # type: ignore[no-untyped-call]
    assert confusion.item() == pytest.approx(0)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


IMPOSSIBLE = -torch.inf


def answered(logits: torch.Tensor) -> Step:
    """A step with these logits on both sides, half way."""
    ones = torch.ones(len(logits), 3)
    step = make_step(ones, ones, progress=0.5)
    return replace(step, logits=logits, unlabelled=Unlabelled(ones, ones, logits))


LOSSES = {
    "entropy": entropy,
    "information_maximisation": information_loss,
    "mcc": class_confusion,
    "tent": doubt,
    "distillation": lambda logits: distillation(logits, logits.detach().flip(0)),
    "cdan": lambda logits: CDAN(ObjectivesParams(), Shape(3, 3, 0))(answered(logits)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_class_that_cannot_be_adds_nothing_and_gives_no_nan(name: str) -> None:
    """0 log 0 is 0: with a logit of -∞ the loss, and its gradient, are those of a logit that is very low."""
    found = []
    for lowest in (IMPOSSIBLE, -1e4):
        logits = torch.tensor([[0.3, 1.0, lowest], [0.9, -0.2, lowest]], requires_grad=True)
        loss = LOSSES[name](logits)
        loss.backward()
        found.append((loss.detach(), logits.grad))
    for impossible, low in zip(*found, strict=True):
        torch.testing.assert_close(impossible, low)


def test_distillation_of_a_class_that_was_and_cannot_be_any_more_costs_all() -> None:
    assert distillation(torch.tensor([[0.0, IMPOSSIBLE]]), torch.zeros(1, 2)) == torch.inf


def test_pseudo_labels_believe_what_is_sure_and_divide_by_all() -> None:
    p = softmax(LOGITS)
    sure = p.max(1) >= 0.95
    assert 0 < sure.sum() < len(p)
    by_hand = -np.log(p.max(1)[sure]).sum() / len(p)
    assert self_training(tensor(LOGITS)).item() == pytest.approx(by_hand, abs=1e-6)


def test_the_gradient_of_pseudo_labels_is_that_of_a_cross_entropy_with_given_labels() -> None:
    logits = tensor(LOGITS).requires_grad_()
    self_training(logits).backward()  # type: ignore[no-untyped-call]
    p = softmax(LOGITS)
    expected = (p - np.eye(3)[p.argmax(1)]) * (p.max(1) >= 0.95)[:, None] / len(p)
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-6)


def test_pseudo_labels_come_in_between_a_tenth_and_six_tenths_of_the_training() -> None:
    assert [ramp(p) for p in (0, 0.1, 0.35, 0.6, 1)] == pytest.approx([0, 0, 0.5, 1, 1])
    objective = PseudoLabels(ObjectivesParams(confident_weight=4.0), Shape(3, 3, 0))
    step = make_step(tensor(LOGITS), tensor(LOGITS), progress=0.35)
    assert objective(step).item() == pytest.approx(4 * 0.5 * self_training(tensor(LOGITS)).item())
