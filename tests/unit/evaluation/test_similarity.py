import math

import numpy as np
import pytest

from components.evaluation.similarity import distance, linear_cka


def test_distance_is_euclidean_over_all_tensors() -> None:
    before = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    after = {"a": np.array([3.0, 2.0]), "b": np.array([[4.0 + math.sqrt(5)]]), "new": np.array([100.0])}
    assert distance(before, after) == pytest.approx((3.0, 3.0 / 5.0))


def test_nothing_moved_and_nothing_there() -> None:
    assert distance({"a": np.zeros(3)}, {"a": np.zeros(3)}) == (0.0, 0.0)


def test_cka_of_two_columns_by_hand() -> None:
    """x and y centred with one column each: (xᵀy)² / (xᵀx · yᵀy) = 4² / (8 · 6)."""
    first, second = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [2.0]])
    # centred: (-2, 0, 2) and (-1, 1, 0): cross 2, own 8 and 2
    assert linear_cka(first, second) == pytest.approx(2**2 / (8 * 2))


@pytest.mark.parametrize("samples", [5, 40])
def test_cka_sees_no_rotation_and_no_scale(samples: int) -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(samples, 8))
    rotation, _ = np.linalg.qr(draw.normal(size=(8, 8)))
    assert linear_cka(features, 3 * features @ rotation + 1) == pytest.approx(1)


def test_cka_of_unrelated_features_is_small_and_of_constants_undefined() -> None:
    draw = np.random.default_rng(0)
    assert linear_cka(draw.normal(size=(2000, 4)), draw.normal(size=(2000, 4))) < 0.02
    assert math.isnan(linear_cka(np.ones((9, 3)), draw.normal(size=(9, 3))))
