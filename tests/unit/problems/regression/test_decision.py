"""Prediction intervals by hand, and their coverage on drawn data."""

import numpy as np
import pytest
import torch
from described import description, task

from components.params.learning import SelectParams
from components.problems.regression.decision import Decision
from components.problems.regression.decision.conformal import fewest, margin, rank


def fit(
    outputs: list[list[float]],
    targets: list[float],
    about: dict[str, object] | None = None,
    **options: object,
) -> Decision:
    said, held = np.array(outputs, dtype=np.float64), np.array(targets, dtype=np.float32)[:, None]
    given = task(**options)
    found = Decision.fit(
        given, about or description(), {"calibration": said}, {"calibration": held}, SelectParams()
    )
    return Decision(given, about or description(), found)


def test_the_rank_is_that_of_the_finite_sample() -> None:
    assert (rank(9, 0.9), rank(10, 0.9), rank(99, 0.9), fewest(0.9), fewest(0.5)) == (9, 10, 90, 9, 1)
    assert rank(8, 0.9) > 8


def test_the_margin_is_the_ranked_error() -> None:
    """Of 4 errors at coverage 0.6: ⌈5·0.6⌉ = the third smallest."""
    decision = fit([[0.0]] * 4, [4, -1, 2, -3], coverage=0.6)
    assert decision.fitted["margins"] == [3.0]
    assert decision.columns == ("prediction", "low", "high")
    np.testing.assert_allclose(decision.answers(np.array([[10.0]])), [[10, 7, 13]])


def test_too_few_calibration_samples_give_no_interval_and_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    decision = fit([[0.0]] * 8, list(range(8)))
    assert "8 calibration samples are too few" in capsys.readouterr().err
    assert decision.fitted["margins"] is None
    assert decision.columns == ("prediction",)
    assert decision.promises["coverage"] is None
    assert np.isnan(decision(decision.answers(np.array([[1.0]])))[0, 0, 1:]).all()


def test_conformalised_quantiles_by_hand() -> None:
    """Median 0, ends ±2; scores |y| - 2: -2, -1, 1, 3; at 0.6 the third, 1."""
    decision = fit([[0.0, -2.0, 2.0]] * 4, [0, 1, -3, 5], loss="quantile", coverage=0.6)
    assert decision.fitted["margins"] == [1.0]
    np.testing.assert_allclose(decision.answers(np.array([[0.5, -1.0, 4.0]])), [[0.5, -2, 5]])


def test_a_negative_margin_never_shuts_the_prediction_out() -> None:
    decision = fit([[0.0, -9.0, 9.0]] * 4, [0, 1, 0, 1], loss="quantile", coverage=0.6)
    assert decision.fitted["margins"][0] < 0
    np.testing.assert_allclose(decision.answers(np.array([[0.0, -1.0, 1.0]])), [[0, 0, 0]])


def test_answers_stay_within_the_range() -> None:
    decision = fit([[0.5]] * 9, [0.1] * 9, description(ends=(0.0, 1.0)))
    np.testing.assert_allclose(decision.answers(np.array([[1.7], [0.2]])), [[1, 0.6, 1], [0.2, 0, 0.6]])


@pytest.mark.parametrize("loss", ["mse", "quantile"])
def test_the_graph_answers_as_double_precision_does(loss: str) -> None:
    about = description(("y", "z"), (0, 5), (1, 9), (-3.0, 12.0))
    draw = np.random.default_rng(0)
    width = 6 if loss == "quantile" else 2
    outputs, targets = draw.normal(4, 9, (50, width)), draw.uniform(-3, 12, (50, 2)).astype(np.float32)
    given = task(loss=loss)
    found = Decision.fit(given, about, {"calibration": outputs}, {"calibration": targets}, SelectParams())
    decision = Decision(given, about, found)
    assert decision.columns == ("prediction.y", "prediction.z", "low.y", "low.z", "high.y", "high.z")
    said = decision.module()(torch.from_numpy(outputs).float()).numpy()
    np.testing.assert_allclose(said, decision.answers(outputs), atol=1e-5)
    middle, low, high = np.moveaxis(decision(said), 2, 0)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert decision.same(decision(said), decision(decision.answers(outputs))).all()


def test_decisions_are_the_same_within_a_share_of_the_scale() -> None:
    decision = Decision(task(), description(scale=(100.0,)))
    one = decision(np.array([[5.0], [5.0]]))
    assert decision.same(one, decision(np.array([[5.009], [5.02]]))).tolist() == [True, False]
    assert decision.scale.tolist() == [100.0]


@pytest.mark.parametrize("loss", ["mse", "quantile"])
def test_new_samples_are_covered(loss: str) -> None:
    """300 calibration sets of 40: mean coverage of skewed errors, at 0.8, is (n + 1)-exact to 1 %."""
    draw = np.random.default_rng(3)
    covered = []
    for _ in range(300):
        errors = draw.exponential(size=(540, 1)) ** 2
        outputs = np.zeros((540, 3 if loss == "quantile" else 1))
        if loss == "quantile":
            outputs[:, 2] = 0.5
        held = errors[:40].astype(np.float32)
        given = task(loss=loss, coverage=0.8)
        found = Decision.fit(
            given, description(), {"calibration": outputs[:40]}, {"calibration": held}, SelectParams()
        )
        decision = Decision(given, description(), found)
        ends = decision(decision.answers(outputs[40:]))[:, 0]
        covered.append(((ends[:, 1] <= errors[40:, 0]) & (errors[40:, 0] <= ends[:, 2])).mean())
    assert 0.8 - 0.005 <= np.mean(covered) <= 0.8 + 1 / 41 + 0.01


def test_margins_must_fit_the_numbers() -> None:
    with pytest.raises(ValueError, match="margins"):
        Decision(task(), description(), {"margins": [1.0, 2.0]})
    assert margin(np.zeros((3, 2)), 0.5) == [0.0, 0.0]
