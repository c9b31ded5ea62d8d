"""Ridge regression from sums: by hand, and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from classified import classes as problem
from sklearn.linear_model import Ridge

from components.errors import DataError
from components.heads.base import Samples, standardisation
from components.heads.linear import Linear
from components.heads.ridge import Statistics, solve, statistics
from components.params.learning import HeadParams


def plain(features: np.ndarray) -> np.ndarray:
    return features.astype(np.float64)


def cloud(samples: int = 40, width: int = 5, classes: int = 3) -> Samples:
    draw = np.random.default_rng(0)
    targets = np.arange(samples) % classes
    features = draw.normal(2, 3, size=(samples, width)) + targets[:, None]
    return Samples(features.astype(np.float32), targets, problem(classes), draw.uniform(0.5, 2, samples))


def test_three_points_by_hand() -> None:
    """x = -1, 0, 4 of classes 0, 0, 1: mean 1, variance 14/3; y₁ = 0, 0, 1: mean 1/3, covariance 4/3 - 1/3 = 1."""
    three = Samples(np.array([[-1], [0], [4]], np.float32), np.array([0, 0, 1]), problem())
    total = statistics(three, plain, "x")
    assert total.gram.tolist() == [[17.0]]
    assert total.cross.tolist() == [[-1.0, 4.0]]
    assert total.rows.tolist() == [3.0]
    assert total.targets.tolist() == [2.0, 1.0]
    weight, bias = solve(total, l2=1 / 3)  # 14/3 + 1/3 = 5
    np.testing.assert_allclose(weight, [[-0.2], [0.2]], atol=1e-12)
    np.testing.assert_allclose(bias, [2 / 3 + 0.2, 1 / 3 - 0.2], atol=1e-12)


def test_it_is_scikit_learn_s_ridge_with_an_intercept() -> None:
    samples, l2 = cloud(), 0.3
    assert samples.weights is not None
    rows = plain(samples.features)
    theirs = Ridge(alpha=l2 * samples.total).fit(rows, samples.columns, sample_weight=samples.weights)
    weight, bias = solve(statistics(samples, plain, "x"), l2)
    np.testing.assert_allclose(weight, theirs.coef_, atol=1e-9)
    np.testing.assert_allclose(bias, theirs.intercept_, atol=1e-9)


def test_the_linear_head_is_ridge_on_standardised_features() -> None:
    samples, l2 = cloud(), 0.3
    mean, scale = standardisation(samples)
    rows = (samples.features - mean) / scale
    theirs = Ridge(alpha=l2 * samples.total).fit(rows, samples.columns, sample_weight=samples.weights)
    ((value, state),) = Linear(HeadParams(l2=(l2,)), 0).fits(samples, samples)
    said = samples.features @ state["weight"].numpy().T + state["bias"].numpy()
    assert value == l2
    np.testing.assert_allclose(said, theirs.predict(rows), atol=1e-9)


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = cloud()
    whole = solve(statistics(samples, plain, "x"), 0.1)
    monkeypatch.setattr("components.heads.ridge.CHUNK", 7)
    for found, expected in zip(solve(statistics(samples, plain, "x"), 0.1), whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_scale_is_the_deviation_of_all_values_weighted_or_repeated() -> None:
    two = Samples(np.array([[0, 2], [4, 2]], np.float32), np.array([0, 1]), problem())
    mean, scale = standardisation(two)
    assert mean.tolist() == [2.0, 2.0]
    assert scale == pytest.approx(np.sqrt(2))  # of 0, 2, 4, 2
    weighted = standardisation(replace(two, weights=np.array([3.0, 1.0])))
    repeated = standardisation(Samples(two.features[[0, 0, 0, 1]], np.array([0, 0, 0, 1]), problem()))
    np.testing.assert_allclose(weighted[0], repeated[0])
    assert weighted[1] == pytest.approx(repeated[1])


def test_features_that_are_all_alike_have_scale_one() -> None:
    alike = Samples(np.full((3, 2), 7, np.float32), np.array([0, 1, 1]), problem())
    assert standardisation(alike)[1] == 1.0
    assert standardisation(replace(alike, weights=np.ones(3)))[1] == 1.0


def test_sums_about_different_things_are_not_added() -> None:
    total = statistics(cloud(), plain, "x")
    with pytest.raises(DataError, match=r"about x .* about y .* cannot be added"):
        total + replace(total, about="y")
    with pytest.raises(DataError, match=r"\(5, 3\) .* \(5, 2\)"):
        total + statistics(cloud(classes=2), plain, "x")


def test_a_class_that_nobody_has_is_named() -> None:
    lonely = Samples(np.ones((2, 1), np.float32), np.array([0, 2]), problem(3))
    with pytest.raises(DataError, match="no sample of class 1"):
        solve(statistics(lonely, plain, "x"), 0.1)


def test_what_is_sent_is_counted() -> None:
    zeros = Statistics(np.zeros((4, 4)), np.zeros((4, 3)), np.zeros(4), np.zeros(3), 0.0, "x")
    assert zeros.numbers == 10 + 12 + 4 + 3 + 1
