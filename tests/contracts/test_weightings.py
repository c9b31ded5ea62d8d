"""Every answer to 'how do samples count?' gives weights of 1 on average, and helps where domains differ."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from task_examples import PROBLEMS

from components.errors import DataError
from components.methods import WEIGHTINGS, load_weighting
from components.methods.base import Seen
from components.params import plugins
from components.params.objectives import WeightingParams
from components.problems import NAMES

WIDTH = 12
LABELLED = 24  # of the target


def weigh(name: str, seen: Seen) -> npt.NDArray[np.float64]:
    weighting = load_weighting(WeightingParams.model_validate({"method": name}))
    assert weighting is not None
    return weighting(seen)


def domain(draw: np.random.Generator, count: int, centre: float, spread: float) -> npt.NDArray[np.float64]:
    return draw.normal(size=(count, 2)) * [spread, 1] + [centre, 0]


def classes(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """A parabola parts them: no straight line is right everywhere, but one nearly is within the target."""
    return (points[:, 1] > points[:, 0] ** 2 - 1.5).astype(np.int64)


def shown(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Features (N, WIDTH) that hold the points, turned and with a little noise."""
    draw = np.random.default_rng(5)
    turned = points @ draw.normal(size=(2, WIDTH))
    noise = np.sin(1e3 * turned @ draw.normal(size=(WIDTH, WIDTH)))  # of the point alone
    made: npt.NDArray[np.float32] = (turned + 0.01 * noise).astype(np.float32)
    return made


def shift(seed: int = 0) -> tuple[Seen, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Source around 0, target around 1.5; and target samples to judge by, with their classes."""
    draw = np.random.default_rng(seed)
    source, target, judged = domain(draw, 300, 0, 1), domain(draw, 200, 1.5, 0.3), domain(draw, 500, 1.5, 0.3)
    rows = np.concatenate([source, target[:LABELLED]])
    of_target = np.arange(len(rows)) >= len(source)
    return Seen(shown(rows), classes(rows), of_target, shown(target), seed), shown(judged), classes(judged)


def test_the_table_holds_what_params_allow() -> None:
    assert tuple(WEIGHTINGS) == plugins.names("weightings")
    assert len(WEIGHTINGS) == 4
    assert load_weighting(WeightingParams()) is None


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weights_are_not_negative_and_1_on_average(name: str) -> None:
    seen, _, _ = shift()
    weights = weigh(name, seen)
    assert weights.shape == seen.targets.shape
    assert weights.dtype == np.float64
    assert (weights >= 0).all()
    assert weights.mean() == pytest.approx(1, abs=1e-12)
    assert weights.std() > 0.1


WEIGHED = [(n, p) for p in NAMES if p != "classification" for n in WEIGHTINGS if n not in PROBLEMS[p].refuses]


@pytest.mark.parametrize(("name", "problem"), WEIGHED)
def test_of_any_problem_that_check_accepts_samples_are_weighed_alike(name: str, problem: str) -> None:
    """By where they lie: targets of numbers or of several labels have rows, and change nothing."""
    seen, _, _ = shift()
    targets = PROBLEMS[problem].targets(len(seen.targets))
    assert targets.ndim == 2
    assert weigh(name, replace(seen, targets=targets)).tobytes() == weigh(name, seen).tobytes()


@pytest.mark.parametrize(("name", "problem"), WEIGHED)
def test_of_any_problem_samples_with_equal_features_are_weighed(name: str, problem: str) -> None:
    """As texts that differ in capitals alone have them."""
    seen, _, _ = shift()
    twice = seen.features.copy()
    twice[1] = twice[0]
    targets = PROBLEMS[problem].targets(len(twice))
    assert (weigh(name, replace(seen, features=twice, targets=targets)) >= 0).all()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_equal_samples_give_equal_bytes(name: str) -> None:
    assert weigh(name, shift()[0]).tobytes() == weigh(name, shift()[0]).tobytes()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_weight_goes_with_its_sample(name: str) -> None:
    seen, _, _ = shift()
    draw = np.random.default_rng(3)
    order, other = draw.permutation(len(seen.targets)), draw.permutation(len(seen.target))
    mixed = Seen(
        seen.features[order], seen.targets[order], seen.of_target[order], seen.target[other], seen.seed
    )
    np.testing.assert_allclose(weigh(name, mixed), weigh(name, seen)[order], rtol=1e-9)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_where_domains_differ_the_target_gains(name: str) -> None:
    gains = []
    for seed in range(3):
        seen, judged, truth = shift(seed)
        scores = [
            LogisticRegression().fit(seen.features, seen.targets, sample_weight=weights).score(judged, truth)
            for weights in (None, weigh(name, seen))
        ]
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.02, gains
    assert min(gains) > 0, gains


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_where_domains_are_alike_samples_count_alike(name: str) -> None:
    rows = domain(np.random.default_rng(1), 400, 0, 1)
    features, of_target = shown(rows), np.arange(400) < LABELLED
    line = (rows[:, 0] > 0).astype(np.int64)  # parts the classes: nothing contradicts the target
    weights = weigh(name, Seen(features, line, of_target, features, seed=1))
    assert abs(weights - 1).mean() < 0.1
    assert weights.sum() ** 2 / (weights**2).sum() > 0.95 * len(weights)


@pytest.mark.parametrize("name", WEIGHTINGS)
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(name: str, broken: float) -> None:
    seen, _, _ = shift()
    features = seen.features.copy()
    features[7, 3] = broken
    with pytest.raises(DataError, match=r"1 training samples are NaN or infinite, the first at position 7\."):
        weigh(name, replace(seen, features=features))
    target = seen.target.copy()
    target[[2, 5]] = broken
    with pytest.raises(DataError, match=r"2 target samples are NaN or infinite, the first at position 2\."):
        weigh(name, replace(seen, target=target))


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_no_target_samples_are_refused(name: str) -> None:
    seen, _, _ = shift()
    with pytest.raises(DataError, match="there are no target samples"):
        weigh(name, replace(seen, target=seen.target[:0]))


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_one_target_sample_is_enough(name: str) -> None:
    seen, _, _ = shift()
    kept = np.arange(len(seen.targets)) < 301
    one = Seen(seen.features[kept], seen.targets[kept], seen.of_target[kept], seen.target[:1], 0)
    weights = weigh(name, one)
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_two_labelled_samples_are_enough(name: str) -> None:
    features = np.float32([[0, 1], [1, 0]])
    two = Seen(features, np.array([0, 1]), np.array([False, True]), features[1:], 0)
    # The one source sample counts as much as the one of the target: nothing says more.
    np.testing.assert_allclose(weigh(name, two), [1, 1])


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_without_source_samples_all_count_alike(name: str) -> None:
    seen, _, _ = shift()
    kept = seen.of_target
    only = Seen(seen.features[kept], np.zeros(LABELLED, np.int64), kept[kept], seen.target, 0)
    np.testing.assert_array_equal(weigh(name, only), np.ones(LABELLED))
