"""The head in the target's unit, and losses by hand."""

import numpy as np
import onnxruntime
import pytest
import torch
from described import description, task

from components.errors import DataError
from components.export.onnx_file import export_module
from components.heads.base import Samples
from components.heads.linear import Linear
from components.heads.mlp import Perceptron
from components.heads.random_features import RandomFeatures
from components.params.learning import HeadParams
from components.problems.regression.network import Network
from components.training.seeds import deterministic

ABOUT = description(mean=(1000.0,), scale=(50.0,))
FAR = torch.tensor([[1100.0], [975.0]])  # 2 and -0.5 standard deviations from 1000
TARGETS = torch.tensor([[1000.0], [1000.0]])


@pytest.mark.parametrize(("loss", "sums"), [("mse", [4, 0.25]), ("mae", [2, 0.5]), ("huber", [1.5, 0.125])])
def test_losses_are_of_standardised_differences(loss: str, sums: list[float]) -> None:
    found, counts = Network(task(loss=loss), ABOUT).loss(FAR, TARGETS)
    assert found.tolist() == sums
    assert counts.tolist() == [1, 1]


def test_the_quantile_loss_by_hand() -> None:
    """Coverage 0.8: levels 0.5, 0.1, 0.9. Target 0; median -1, low -2, high 3: 0.5·1, 0.1·2, 0.1·3, mean 1/3."""
    network = Network(task(loss="quantile", coverage=0.8), description())
    sums, _ = network.loss(torch.tensor([[-1.0, -2.0, 3.0]], dtype=torch.float64), torch.zeros(1, 1))
    assert sums.item() == pytest.approx(1 / 3)


def test_numbers_that_are_unknown_count_for_nothing_and_leave_no_gradient() -> None:
    network = Network(task(), description(("y", "z"), (0, 0), (1, 1)))
    outputs = torch.tensor([[1.0, 5.0], [2.0, 2.0]], requires_grad=True)
    sums, counts = network.loss(outputs, torch.tensor([[0.0, np.nan], [np.nan, np.nan]]))
    sums.sum().backward()
    assert sums.tolist() == [1, 0]
    assert counts.tolist() == [1, 0]
    assert outputs.grad is not None
    assert outputs.grad.tolist() == [[2, 0], [0, 0]]


def test_the_head_speaks_in_the_unit_in_onnx_and_from_its_state() -> None:
    network = Network(task(), ABOUT)
    torch.manual_seed(0)
    head, rows = network.head(4).eval(), torch.randn(3, 4)
    said = head(rows)
    assert abs(said - 1000).max() < 500
    fresh = network.head(4)
    fresh.load_state_dict(head.state_dict())
    torch.testing.assert_close(fresh(rows), said)
    assert set(head.state_dict()) == {"linear.weight", "linear.bias", "mean", "scale"}
    model = export_module(head, (rows,), ["x"], ["numbers"], {"x": {0: "batch"}})
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"x": rows.numpy()})[0], said.detach().numpy(), rtol=1e-5)


def test_quantiles_begin_in_order() -> None:
    head = Network(task(loss="quantile"), ABOUT).head(2)
    middle, low, high = head(torch.zeros(1, 2))[0].tolist()
    assert low < middle < high


def test_scores_are_in_the_unit_of_one_number_and_standardised_of_several() -> None:
    assert Network(task(), ABOUT).scores(FAR, TARGETS)["mae"].tolist() == [100, 25]
    both = Network(task(), description(("y", "z"), (0, 0), (10, 100)))
    assert both.scores(torch.tensor([[10.0, 50.0]]), torch.zeros(1, 2))["mae"].tolist() == [0.75]


@pytest.mark.parametrize(("kind", "close"), [(Linear, 2.0), (Perceptron, 15.0), (RandomFeatures, 15.0)])
@pytest.mark.parametrize("loss", ["mse", "quantile"])
def test_heads_give_numbers_in_the_unit(kind: type, close: float, loss: str) -> None:
    """y = 1000 + 50 x₀, with little noise."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(300, 3)).astype(np.float32)
    targets = (1000 + 50 * rows[:, :1] + draw.normal(size=(300, 1))).astype(np.float32)
    network = Network(task(loss=loss), ABOUT)
    given = Samples(rows, targets, network)
    head = kind(HeadParams(method="linear", l2=(1e-4,), hidden=32), 0)
    with deterministic(1):
        ((_, state),) = head.fits(given, given)
    with torch.inference_mode():
        said = head.module(state)(torch.from_numpy(rows).double()).numpy()
    assert said.shape == (300, network.outputs)
    assert np.abs(said[:, 0] - targets[:, 0]).mean() < close


def test_a_target_that_is_no_number_cannot_be_fitted() -> None:
    with pytest.raises(DataError, match="finite"):
        Network(task(), ABOUT).columns(np.array([[np.nan]], np.float32))
