"""Logistic regression ends where its gradient is zero; the perceptron takes Adam's steps and keeps the best."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from classified import classes as problem
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from components.errors import NonFiniteLoss
from components.heads import mlp, restore
from components.heads.base import Samples, State, standardisation
from components.heads.logistic import Logistic
from components.heads.mlp import Perceptron
from components.params.learning import HeadParams


def cloud(classes: int, seed: int = 0, samples: int = 60) -> Samples:
    draw = np.random.default_rng(seed)
    targets = np.arange(samples) % classes
    features = draw.normal(3, 2, (samples, 4)) + targets[:, None]
    return Samples(features.astype(np.float32), targets, problem(classes), draw.uniform(0.5, 2, samples))


def residual(samples: Samples, logits: np.ndarray) -> np.ndarray:
    """wᵢ (pᵢ - yᵢ) / Σ w: the gradient of the weighted mean cross-entropy by each logit."""
    p = torch.softmax(torch.from_numpy(logits), dim=1).numpy()
    return (p - samples.columns) * samples.masses[:, None] / samples.total


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_ends_where_the_gradient_is_zero(classes: int) -> None:
    samples, l2 = cloud(classes), 0.05
    ((_, state),) = Logistic(HeadParams(l2=(l2,)), 0).fits(samples, samples)
    mean, scale = standardisation(samples)
    rows = (samples.features - mean) / scale
    weight = state["weight"].numpy() * scale
    logits = samples.features @ state["weight"].numpy().T + state["bias"].numpy()
    data = residual(samples, logits)
    # The penalty is that of the docstring, l2/2 ‖W‖², for two classes, too.
    np.testing.assert_allclose(data.T @ rows + l2 * weight, 0, atol=2e-6)
    np.testing.assert_allclose(data.sum(axis=0), 0, atol=2e-6)
    np.testing.assert_allclose(weight.sum(axis=0), 0, atol=2e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_s_probabilities_are_those_of_the_optimum(classes: int) -> None:
    """The docstring's objective, minimised by a general optimiser; scikit-learn's own tolerance is 1e-3 off."""
    samples, l2 = cloud(classes), 1e-3
    ((_, state),) = Logistic(HeadParams(l2=(l2,)), 0).fits(samples, samples)
    mean, scale = standardisation(samples)
    rows = (samples.features - mean) / scale

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = flat[:-classes].reshape(classes, -1), flat[-classes:]
        logits = rows @ weight.T + bias
        logs = log_softmax(logits, axis=1)
        loss = -(samples.shares @ logs[np.arange(len(rows)), samples.targets]) / len(rows)
        data = residual(samples, logits)
        slope = np.concatenate([(data.T @ rows + l2 * weight).ravel(), data.sum(axis=0)])
        return float(loss + l2 / 2 * (weight**2).sum()), slope

    best = minimize(objective, np.zeros(classes * 5), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    expected = softmax(rows @ best[:-classes].reshape(classes, -1).T + best[-classes:], axis=1)
    found = softmax(samples.features @ state["weight"].numpy().T + state["bias"].numpy(), axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def raw(state: State, samples: Samples) -> dict[str, np.ndarray]:
    """The perceptron's tensors as they were trained: for standardised features."""
    mean, scale = standardisation(samples)
    found = {name: tensor.numpy() for name, tensor in state.items()}
    bias = found["hidden.bias"] + found["hidden.weight"] @ mean
    return {**found, "hidden.weight": found["hidden.weight"] * scale, "hidden.bias": bias}


def perceptron(samples: Samples, l2: float = 0.1, seed: int = 0) -> State:
    ((_, state),) = Perceptron(HeadParams(l2=(l2,), hidden=5), seed).fits(samples, samples)
    return state


def test_adam_s_first_step_is_one_rate_against_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All samples in one batch: θ - RATE · g / (|g| + 1e-8), with g = ∂ loss + l2 · weights, worked out by hand."""
    samples, l2 = cloud(3), 0.1
    monkeypatch.setattr(mlp, "STEPS", 1)
    monkeypatch.setattr(mlp, "ROUNDS", 1)
    after = raw(perceptron(samples, l2), samples)
    monkeypatch.setattr(mlp, "ROUNDS", 0)
    before = raw(perceptron(samples, l2), samples)

    mean, scale = standardisation(samples)
    rows = (samples.features - mean) / scale
    inner = rows @ before["hidden.weight"].T + before["hidden.bias"]
    units = np.maximum(inner, 0)
    data = residual(samples, units @ before["output.weight"].T + before["output.bias"])
    back = (data @ before["output.weight"]) * (inner > 0)
    gradients = {
        "output.weight": data.T @ units + l2 * before["output.weight"],
        "output.bias": data.sum(axis=0),
        "hidden.weight": back.T @ rows + l2 * before["hidden.weight"],
        "hidden.bias": back.sum(axis=0),
    }
    for name, gradient in gradients.items():
        expected = before[name] - mlp.RATE * gradient / (np.abs(gradient) + 1e-8)
        np.testing.assert_allclose(after[name], expected, atol=2e-6, err_msg=name)


def test_the_perceptron_keeps_the_weights_of_the_best_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """On validation targets that contradict the training, every round is worse than the first."""
    samples = cloud(2)
    contrary = replace(samples, targets=1 - samples.targets)
    head = Perceptron(HeadParams(l2=(0.01,), hidden=5), 0)
    monkeypatch.setattr(mlp, "RATE", 0.05)
    ((_, stopped),) = head.fits(samples, contrary)
    monkeypatch.setattr(mlp, "ROUNDS", 1)
    ((_, first),) = head.fits(samples, contrary)
    assert all(torch.equal(stopped[name], first[name]) for name in first)


def test_the_perceptron_bends() -> None:
    """Exclusive or: no line gets more than three of its four corners."""
    corners = np.tile(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), (10, 1))
    samples = Samples(corners, np.tile([0, 1, 1, 0], 10), problem())
    ((_, state),) = Perceptron(HeadParams(l2=(1e-4,), hidden=32), 0).fits(samples, samples)
    said = restore("mlp", state)(torch.from_numpy(corners).double())
    assert (said.argmax(1).numpy() == samples.targets).all()


def test_seeds_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "ROUNDS", 1)
    samples = cloud(2)
    assert not torch.equal(
        perceptron(samples, seed=1)["output.weight"], perceptron(samples, seed=2)["output.weight"]
    )


def test_a_loss_that_is_not_finite_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "RATE", 1e30)
    with pytest.raises(NonFiniteLoss, match=r"with l2 0\.1\. Lower head\.l2"):
        perceptron(cloud(2))
