"""Each score against its definition, computed the long way."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from components.evaluation.transferability import (
    differ,
    h_score,
    leep,
    log_me,
    log_me_without,
    mmd,
    nearest_classes,
    nearest_numbers,
    proxy_a_distance,
)


def blobs(count: int, width: int, distance: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    features = draw.normal(size=(count, width))
    features[:, 0] += distance * targets
    return features, targets


def one_hot(targets: np.ndarray) -> np.ndarray:
    return (targets[:, None] == np.unique(targets)).astype(float)


@pytest.mark.parametrize(("count", "width"), [(40, 3), (12, 20)])
def test_log_me_is_the_largest_evidence_of_a_gaussian(count: int, width: int) -> None:
    """log N(y | 0, F Fᵀ / α + I / β), maximised over α and β by a general optimiser."""
    features, targets = blobs(count, width, 2.0)

    def largest(y: np.ndarray) -> float:
        def loss(logs: np.ndarray) -> float:
            alpha, beta = np.exp(logs)
            covariance = features @ features.T / alpha + np.eye(count) / beta
            return -float(multivariate_normal.logpdf(y, np.zeros(count), covariance)) / count

        return -min(minimize(loss, start, method="Nelder-Mead").fun for start in ([0.0, 0.0], [2.0, 2.0]))

    expected = (largest((targets == 1).astype(float)) + largest((targets == 0).astype(float))) / 2
    assert log_me(features, one_hot(targets)) == pytest.approx(expected, abs=2e-3)


def test_directions_that_repeat_others_change_nothing_but_the_prior() -> None:
    """Features twice, each over √2: the same F Fᵀ, so the same evidence, though half the directions are empty."""
    features, targets = blobs(60, 4, 2.0)
    twice = np.concatenate([features, features], axis=1) / np.sqrt(2)
    assert log_me(twice, one_hot(targets)) == pytest.approx(log_me(features, one_hot(targets)), abs=1e-9)


def test_log_me_without_a_group_leaves_a_fifth_of_each_class_out() -> None:
    features, targets = blobs(40, 3, 2.0)
    kept = np.ones(40, dtype=bool)
    for c in (0, 1):
        kept[np.flatnonzero(targets == c)[[0, 5, 10, 15]]] = False
    found = log_me_without(features, one_hot(targets), targets)
    assert len(found) == 5
    assert found[0] == log_me(features[kept], one_hot(targets[kept]))
    assert log_me_without(features[:8], one_hot(targets[:8]), targets[:8]) == ()  # four of each class


def test_a_jackknife_by_hand() -> None:
    """Differences 3, 3, 3, 1, 5: mean 3, squares 8, so t² = 9 / 6.4 at 4 degrees of freedom.

    There, p = 1 - sin θ (1 + cos² θ / 2) with tan θ = t / 2.
    """
    expected = 1 - 3 / np.sqrt(34.6) * (1 + 2 * 6.4 / 34.6)
    assert differ((3.0, 4.0, 5.0, 2.0, 6.0), (0.0, 1.0, 2.0, 1.0, 1.0)) == pytest.approx(expected)
    assert differ((1.0, 2.0), (1.0, 2.0)) == 1
    assert differ((1.5, 2.5), (1.0, 2.0)) == 0


def test_leep_by_hand() -> None:
    """θ = (1, 0), (½, ½) | (0, 1): P(0, z) = (½, ⅙), P(1, z) = (0, ⅓), so P(0 | z) = (1, ⅓), P(1 | z) = (0, ⅔)."""
    theta = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    expected = (np.log(1) + np.log(0.5 + 0.5 / 3) + np.log(2 / 3)) / 3
    assert leep(theta, [np.array([0, 0, 1])]) == pytest.approx(expected)


def test_leep_is_0_where_source_classes_are_the_tasks_and_the_labels_entropy_where_they_say_nothing() -> None:
    targets = np.array([0, 0, 0, 1])
    assert leep(np.eye(2)[targets], [targets]) == pytest.approx(0)
    nothing = leep(np.full((4, 3), 1 / 3), [targets])
    assert nothing == pytest.approx(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    # A source class that nothing shows must not divide by zero.
    assert leep(np.eye(3)[targets], [targets]) == pytest.approx(0)


def test_log_me_and_h_score_grow_with_the_distance_of_the_classes() -> None:
    made = [blobs(200, 8, d) for d in (0.0, 1.0, 3.0)]
    scores = [(log_me(f, one_hot(y)), h_score(f, [y])) for f, y in made]
    assert scores[0] < scores[1] < scores[2]
    assert [h for _, h in scores] == sorted(h for _, h in scores)
    assert all(0 <= h <= 1 for _, h in scores)  # two classes: at most 1


def test_h_score_of_one_feature_is_a_ratio_of_variances() -> None:
    """Features 0, 1 | 4, 5: variance 4.25, of the class means 4; one feature needs no shrinkage."""
    features = np.array([[0.0], [1.0], [4.0], [5.0]])
    assert h_score(features, [np.array([0, 0, 1, 1])]) == pytest.approx(4 / 4.25)


def test_features_that_are_0_explain_nothing_and_log_me_is_that_of_noise() -> None:
    """log N(y | 0, I / β) at its best β = n / Σ y², the mean over both classes."""
    targets = np.array([0, 0, 0, 1])
    expected = np.mean([(np.log(4 / (2 * np.pi * ones)) - 1) / 2 for ones in (3, 1)])
    for width in (2, 6):
        assert log_me(np.zeros((4, width)), one_hot(targets)) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
def test_features_that_are_the_same_everywhere_tell_nothing_apart(value: float) -> None:
    targets = np.arange(12) % 3
    assert h_score(np.full((12, 4), value), [targets]) == pytest.approx(0)
    assert np.isfinite(log_me(np.full((12, 4), value), one_hot(targets)))
    moving = np.full((12, 4), value)
    moving[:, 0] = targets
    assert 0 < h_score(moving, [targets]) <= 2


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_mmd_of_features_that_collapsed_is_not_rounding(apart: float) -> None:
    one = np.random.default_rng(0).normal(size=(1, 40)) * 100
    found = mmd(np.repeat(one, 8, axis=0), np.repeat(one + apart, 6, axis=0))
    assert found == pytest.approx(
        2 - 2 * np.mean(np.exp([-4, -2, -1, -0.5, -0.25])) if apart else 0, abs=1e-12
    )


def test_neighbours_leave_themselves_out() -> None:
    """Three directions each; the class of the odd one out has no neighbour of its kind."""
    angles = np.deg2rad([0, 2, 4, 90, 92, 94, 46])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert nearest_classes(features, [np.array([0, 0, 0, 1, 1, 1, 2])], k=2) == pytest.approx(2 / 3)


def test_domains_that_are_alike_are_near_and_others_far() -> None:
    draw = np.random.default_rng(0)
    here, there, far = (
        draw.normal(size=(300, 5)),
        draw.normal(size=(300, 5)),
        draw.normal(3, 1, size=(300, 5)),
    )
    assert proxy_a_distance(here, there) < 0.4
    assert proxy_a_distance(here, far) > 1.9
    assert abs(mmd(here, there)) < 0.01
    assert mmd(here, far) > 0.3


def test_mmd_by_hand() -> None:
    """x = 0, 2; y = 1, 3. Squared distances: 4 | 4 | 1, 9, 1, 1; median of the last four 1."""
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    expected = np.mean(
        [2 * np.exp(-4 / s) - 2 * (3 * np.exp(-1 / s) + np.exp(-9 / s)) / 4 for s in (0.25, 0.5, 1, 2, 4)]
    )
    assert mmd(x, y) == pytest.approx(expected)


def test_scores_of_several_questions_are_the_mean_of_each() -> None:
    """Of labels, each against the rest."""
    features, first = blobs(60, 5, 2.0)
    second = (features[:, 1] > 0).astype(int)
    theta = np.exp(features[:, :3]) / np.exp(features[:, :3]).sum(axis=1, keepdims=True)
    for score, given in ((h_score, features), (leep, theta), (nearest_classes, features)):
        alone = [score(given, [asked]) for asked in (first, second)]
        assert score(given, [first, second]) == pytest.approx(np.mean(alone))
    both = np.column_stack([first, second]).astype(float)
    assert log_me(features, both) == pytest.approx(np.mean([log_me(features, both[:, [k]]) for k in (0, 1)]))
    same = np.column_stack([both, np.ones(60)])
    assert log_me(features, same) == log_me(features, both)
    assert np.isnan(log_me(features, np.ones((60, 1))))


def test_log_me_and_neighbours_of_numbers_grow_with_what_features_say_of_them() -> None:
    draw = np.random.default_rng(3)
    features, noise = draw.normal(size=(300, 4)), draw.normal(size=300)
    found = []
    for share in (0.0, 0.7, 1.0):
        y = share * features[:, 0] + (1 - share) * noise
        aims = ((y - y.mean()) / y.std())[:, None]
        found.append((log_me(features, aims), nearest_numbers(features, aims)))
    assert [a for a, _ in found] == sorted(a for a, _ in found)
    assert found[0][1] < 0.1 < found[1][1] < found[2][1] < 1


def test_numbers_of_the_nearest_by_hand() -> None:
    """Two pairs: each is answered by its partner, 1 for 0 and 0 for 1, 5 for 4 and 4 for 5: R² = 1 - 4 / 17."""
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    numbers = np.array([[0.0], [1.0], [4.0], [5.0]])
    assert nearest_numbers(features, numbers, k=1) == pytest.approx(1 - 4 / 17)
    assert np.isnan(nearest_numbers(features, np.ones((4, 1)), k=1))
