"""TrAdaBoost: algorithm 1 by hand, and the rounds that the paper leaves open."""

import math

import numpy as np
import pytest

from components.errors import DataError
from components.methods import load_weighting
from components.methods.base import Seen
from components.methods.tradaboost import update
from components.params.objectives import WeightingParams

OF_TARGET = np.array([False, False, True, True, True, True])


def marks(*positions):
    return np.isin(np.arange(6), positions)


def test_a_round_is_the_papers():
    """Two source and four target samples, one of each mistaken; ε = 1/4, so β_t = 1/3; β = 1 / (1 + √(2 ln 2 / 5))."""
    beta = 1 / (1 + math.sqrt(2 * math.log(2) / 5))
    found = update(np.ones(6), marks(0, 2), OF_TARGET, rounds=5)
    np.testing.assert_allclose(found, [beta, 1, 3, 1, 1, 1])


def test_the_next_round_goes_on_from_unscaled_weights():
    """ε = 3 / 6 would be the edge; with the fourth, ε = 1/6 and β_t = 1/5. What the source lost stays lost."""
    beta = 1 / (1 + math.sqrt(2 * math.log(2) / 5))
    first = update(np.ones(6), marks(0, 2), OF_TARGET, rounds=5)
    np.testing.assert_allclose(update(first, marks(0, 3), OF_TARGET, 5), [beta**2, 1, 3, 5, 1, 1])
    np.testing.assert_allclose(update(first, marks(0, 2), OF_TARGET, 5), [beta**2, 1, 3, 1, 1, 1])


@pytest.mark.parametrize("mistakes", [(0,), (0, 2, 3), (0, 2, 3, 4, 5)])
def test_without_an_error_or_with_half_of_all_the_target_stays(mistakes):
    found = update(np.ones(6), marks(*mistakes), OF_TARGET, rounds=5)
    assert found[0] < 1
    np.testing.assert_array_equal(found[1:], 1)


def test_one_source_sample_cannot_lose():
    """ln 1 = 0, so β = 1."""
    found = update(np.ones(6), marks(0), marks(1, 2, 3, 4, 5), rounds=5)
    np.testing.assert_array_equal(found, 1)


def test_source_samples_that_the_target_contradicts_count_less():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(340, 3)).astype(np.float32)
    targets = (features[:, 0] > 0).astype(np.int64) + (features[:, 1] > 0)  # three classes
    turned, of_target = np.arange(340) < 100, np.arange(340) >= 300
    targets[turned] = 2 - targets[turned]
    contradicted = turned & (targets != 1)
    seen = Seen(features, targets, of_target, features[of_target], 0)
    weights = load_weighting(WeightingParams(method="tradaboost"))(seen)
    assert np.median(weights[contradicted]) < 0.1 * np.median(weights[~turned & ~of_target])


def test_labels_of_the_target_are_needed():
    seen = Seen(
        np.eye(4, dtype=np.float32), np.arange(4) % 2, np.zeros(4, bool), np.eye(4, dtype=np.float32), 0
    )
    with pytest.raises(DataError, match="none of the labelled training samples is of the target domain"):
        load_weighting(WeightingParams(method="tradaboost"))(seen)
