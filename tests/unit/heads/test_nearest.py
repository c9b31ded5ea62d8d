"""Neighbours and prototypes: by hand, and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from classified import classes
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from components.errors import ParamsError
from components.heads import restore
from components.heads.base import Samples, State, standardisation
from components.heads.neighbours import Neighbours
from components.heads.prototypes import SCALES, Prototypes
from components.params.learning import HeadParams

LINE = Samples(np.array([[0], [1], [2], [10]], np.float32), np.array([0, 1, 1, 0]), classes(2))


def cloud(seed: int, samples: int = 200) -> Samples:
    draw = np.random.default_rng(seed)
    targets = np.arange(samples) % 3
    return Samples(
        (draw.normal(3, 1, (samples, 6)) + targets[:, None]).astype(np.float32), targets, classes(3)
    )


def probabilities(method: str, state: State, features: np.ndarray) -> np.ndarray:
    shown = torch.from_numpy(np.asarray(features)).double()
    with torch.inference_mode():
        return torch.softmax(restore(method, state)(shown), dim=1).numpy()


def voting(samples: Samples, *neighbours: int) -> list[State]:
    head = Neighbours(HeadParams(neighbours=neighbours), 0)
    return [state for _, state in head.fits(samples, samples)]


def test_votes_by_hand() -> None:
    """Around 0.9 lie 1, 0 and 2, of classes 1, 0, 1: with Laplace's 1 each, (1 + 1) / 5 and (2 + 1) / 5."""
    one, three = voting(LINE, 1, 3)
    np.testing.assert_allclose(probabilities("neighbours", one, [[0.9]]), [[1 / 3, 2 / 3]])
    np.testing.assert_allclose(probabilities("neighbours", three, [[0.9]]), [[2 / 5, 3 / 5]])


def test_a_vote_counts_as_much_as_its_sample() -> None:
    """Weights 4, 2, 1, 1 are 2, 1, ½, ½ of the mean: 2 votes against 1½."""
    (state,) = voting(replace(LINE, weights=np.array([4.0, 2.0, 1.0, 1.0])), 3)
    np.testing.assert_allclose(probabilities("neighbours", state, [[0.9]]), [[3 / 5.5, 2.5 / 5.5]])


@pytest.mark.parametrize("k", [1, 4, 15])
def test_shares_of_votes_are_scikit_learn_s(k: int) -> None:
    training, unseen = cloud(0), cloud(1)
    (state,) = voting(training, k)
    theirs = KNeighborsClassifier(k).fit(training.features, training.targets).predict_proba(unseen.features)
    expected = (k * theirs + 1) / (k + 3)
    np.testing.assert_allclose(probabilities("neighbours", state, unseen.features), expected, atol=1e-12)


def test_more_neighbours_than_samples_are_left_out_or_refused() -> None:
    assert [int(state["neighbours"]) for state in voting(LINE, 1, 4, 5)] == [1, 4]
    with pytest.raises(ParamsError, match=r"5 or more of 4 training samples\. Allowed: 1 to 4"):
        voting(LINE, 5, 6)


def test_candidates_share_what_they_remember() -> None:
    one, three = voting(LINE, 1, 3)
    assert one["distances.weight"] is three["distances.weight"]


def test_prototypes_are_softmax_of_negative_squared_distances() -> None:
    training, unseen = cloud(0), cloud(1)
    weights = np.random.default_rng(2).uniform(0.5, 2, len(training.targets))
    training = replace(training, weights=weights)
    _, deviation = standardisation(training)
    length = deviation * np.sqrt(6)
    means = np.stack(
        [np.average(training.features[of], axis=0, weights=weights[of]) for of in training.columns.T > 0]
    )
    squared = ((unseen.features[:, None] - means) ** 2).sum(axis=2) / length**2
    fitted = list(Prototypes(HeadParams(), 0).fits(training, training))
    assert [scale for scale, _ in fitted] == list(SCALES)
    for scale, state in fitted:
        expected = np.exp(-scale * (squared - squared.min(axis=1, keepdims=True)))
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probabilities("prototypes", state, unseen.features), expected, atol=1e-9)


def test_prototypes_decide_as_the_nearest_centroid() -> None:
    training, unseen = cloud(0), cloud(1)
    theirs = NearestCentroid().fit(training.features, training.targets).predict(unseen.features)
    for _, state in Prototypes(HeadParams(), 0).fits(training, training):
        assert (probabilities("prototypes", state, unseen.features).argmax(axis=1) == theirs).all()
