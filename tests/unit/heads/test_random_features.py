"""Random features: the kernel that they stand for, and one answer however the samples are parted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from classified import classes as problem
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from components.errors import DataError
from components.heads import restore
from components.heads.base import Samples, State
from components.heads.random_features import Moments, RandomFeatures, draw, moments, state_of, statistics
from components.heads.ridge import Statistics
from components.params.learning import HeadParams

COMPONENTS, BANDWIDTH, SEED, L2 = 300, 0.8, 5, 0.01


def rings(samples: int = 140) -> Samples:
    """Three classes, one inside the other, off the origin: no line parts them."""
    generator = np.random.default_rng(1)
    targets = np.arange(samples) % 3
    angle, radius = (
        generator.uniform(0, 2 * np.pi, samples),
        1 + 2 * targets + generator.normal(0, 0.2, samples),
    )
    features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + 10
    return Samples(features.astype(np.float32), targets, problem(3), generator.uniform(0.5, 2, samples))


def parts(samples: Samples, count: int) -> list[Samples]:
    """Unequal parts; among seven, some lack a class."""
    assert samples.weights is not None
    at = np.unique(np.round(len(samples.targets) * np.linspace(0, 1, count + 1) ** 2).astype(int))
    assert len(at) == count + 1
    return [
        replace(
            samples,
            features=samples.features[a:b],
            targets=samples.targets[a:b],
            weights=samples.weights[a:b],
        )
        for a, b in pairwise(at)
    ]


def together(sites: list[Samples]) -> tuple[Statistics, State]:
    """What sites do: add up moments, draw the same cosines, add up statistics, solve."""
    spread = moments(sites[0])
    for site in sites[1:]:
        spread = spread + moments(site)
    cosines = draw(spread, COMPONENTS, BANDWIDTH, SEED)
    total = statistics(sites[0], cosines)
    for site in sites[1:]:
        total = total + statistics(site, cosines)
    return total, state_of(cosines, total, L2)


def answers(state: State, samples: Samples) -> np.ndarray:
    with torch.inference_mode():
        return restore("random_features", state)(torch.from_numpy(samples.features).double()).numpy()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_partition_gives_the_head_of_one_machine(count: int) -> None:
    samples = rings()
    head = RandomFeatures(HeadParams(l2=(L2,), components=COMPONENTS, bandwidth=BANDWIDTH), SEED)
    ((_, alone),) = head.fits(samples, samples)
    total, shared = together(parts(samples, count))
    for name, tensor in alone.items():
        torch.testing.assert_close(shared[name], tensor, atol=1e-6, rtol=1e-6)
    said, expected = answers(shared, samples), answers(alone, samples)
    np.testing.assert_allclose(said, expected, atol=1e-6)
    assert (said.argmax(axis=1) == samples.targets).mean() > 0.95
    assert total.numbers == 300 * 301 // 2 + 300 * 3 + 300 + 3 + 1


def test_what_is_sent_does_not_grow_with_the_samples() -> None:
    cosines = draw(moments(rings()), COMPONENTS, BANDWIDTH, SEED)
    assert statistics(rings(30), cosines).numbers == statistics(rings(300), cosines).numbers


def test_their_products_tend_to_the_gaussian_kernel() -> None:
    """exp(-‖x - x'‖² / 2σ²); the error of an entry has a standard deviation of at most 1 / √D (and D is 20,000)."""
    samples = replace(rings(), weights=None)
    spread = moments(samples)
    rows = draw(spread, 20_000, BANDWIDTH, SEED)(samples.features)
    sigma = BANDWIDTH * np.sqrt(2 * spread.variance)
    kernel = rbf_kernel(samples.features, gamma=1 / (2 * sigma**2))
    np.testing.assert_allclose(kernel, RBF(sigma)(samples.features), atol=1e-5)
    assert np.abs(rows @ rows.T / 20_000 - kernel).max() < 5 / np.sqrt(20_000)


def test_many_of_them_are_kernel_ridge_regression() -> None:
    """The exact machine has no intercept; with balanced classes that says little."""
    samples = replace(rings(), weights=None)
    cosines = draw(moments(samples), 2000, BANDWIDTH, SEED)
    state = state_of(cosines, statistics(samples, cosines), 2000 * 0.001)  # z·z' is D times the kernel
    said = answers(state, samples)
    sigma = BANDWIDTH * np.sqrt(2 * moments(samples).variance)
    exact = KernelRidge(alpha=0.001 * len(samples.targets), kernel="rbf", gamma=1 / (2 * sigma**2))
    centred = samples.columns - samples.columns.mean(axis=0)
    expected = exact.fit(samples.features, centred).predict(samples.features) + samples.columns.mean(axis=0)
    assert np.corrcoef(said.ravel(), expected.ravel())[0, 1] > 0.99


def test_moments_by_hand() -> None:
    """(0, 0) once and (4, 0) three times: mean (3, 0), variance (9 + 3 · 1) / 4 = 3."""
    two = Samples(np.array([[0, 0], [4, 0]], np.float32), np.array([0, 1]), problem(), np.array([1.0, 3.0]))
    found = moments(two)
    assert found.mean.tolist() == [3.0, 0.0]
    assert found.variance == pytest.approx(3.0)


def test_the_unit_of_bandwidth_is_the_root_mean_squared_distance() -> None:
    samples = replace(rings(), weights=None)
    count = len(samples.targets)
    squared = euclidean_distances(samples.features.astype(np.float64), squared=True)
    rms = np.sqrt(squared.sum() / count**2)
    assert np.sqrt(2 * moments(samples).variance) == pytest.approx(rms, rel=1e-6)
    wide = draw(moments(samples), 4, 2.0, SEED)
    narrow = draw(moments(samples), 4, 1.0, SEED)
    np.testing.assert_allclose(narrow.frequencies, 2 * wide.frequencies)
    drawn = np.random.default_rng(SEED).standard_normal((4, 2))
    np.testing.assert_allclose(narrow.frequencies, drawn / rms, rtol=1e-6)


def test_sites_that_did_not_agree_are_told() -> None:
    samples = rings()
    spread = moments(samples)
    first = statistics(samples, draw(spread, 8, 1.0, seed=1))
    for other in (draw(spread, 8, 1.0, seed=2), draw(spread, 8, 1.5, seed=1), draw(spread, 9, 1.0, seed=1)):
        with pytest.raises(DataError, match="All sites must agree"):
            first + statistics(samples, other)
    with pytest.raises(DataError, match="of 2 and of 3 numbers"):
        spread + Moments(1.0, np.zeros(3), 0.0)


def test_cosines_of_a_sites_own_moments_are_not_added_to_those_of_another() -> None:
    """Both sites have as many samples, and forgot to add up what they sent."""
    unweighted = replace(rings(), weights=None)
    first, second = (
        replace(unweighted, features=unweighted.features[at], targets=unweighted.targets[at])
        for at in (slice(0, 70), slice(70, 140))
    )
    own = [statistics(site, draw(moments(site), 8, 1.0, SEED)) for site in (first, second)]
    with pytest.raises(DataError, match=r"moments of 70 samples \([0-9a-f]{16}\).* cannot be added"):
        own[0] + own[1]


def test_the_order_in_which_sites_add_up_does_not_matter() -> None:
    sites = parts(rings(), 7)
    there, back = moments(sites[0]), moments(sites[-1])
    for one, other in zip(sites[1:], sites[-2::-1], strict=True):
        there, back = there + moments(one), back + moments(other)
    assert there.count != back.count, "or else the order is not tested"
    first, last = draw(there, 8, 1.0, SEED), draw(back, 8, 1.0, SEED)
    assert statistics(sites[0], first) + statistics(sites[1], last)


def test_samples_that_are_all_alike_have_a_map_all_the_same() -> None:
    alike = Samples(np.full((3, 2), 7, np.float32), np.array([0, 1, 1]), problem())
    assert np.isfinite(draw(moments(alike), 4, 1.0, SEED)(alike.features)).all()
