"""MMD, CORAL, DANN and CDAN by the formulas of their docstrings, worked out in numpy.

Values of pytorch-adapt 0.0.83 for the same numbers stand beside them; scikit-learn's kernels and covariances are
called.
"""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import empirical_covariance
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from steps import Array, make_step, tensor, wave

from components.methods.adversary import Discriminator, reverse, strength
from components.methods.cdan import CDAN, Outer, RandomProducts
from components.methods.coral import Coral, coral, covariance
from components.methods.dann import DANN
from components.methods.mmd import MMD, mmd, multi_kernel, squared_distances
from components.methods.objective import Shape
from components.params.objectives import ObjectivesParams

SOURCE, TARGET = wave(6, 4, 1.1), 0.5 + 1.5 * wave(5, 4, 0.7)
SHAPE = Shape(width=4, classes=3, seed=5)


def mmd_by_hand(source: Array, target: Array) -> float:
    points = np.concatenate([source, target])
    pairs = [((a - b) ** 2).sum() for i, a in enumerate(points) for b in points[:i]]
    width = np.median(pairs)

    def kernel(a: Array, b: Array) -> float:
        return float(np.mean([np.exp(-((a - b) ** 2).sum() / (2.0**u * width)) for u in range(-2, 3)]))

    def within(these: Array) -> float:
        return float(np.mean([kernel(a, b) for i, a in enumerate(these) for b in these[:i]]))

    across = np.mean([kernel(a, b) for a in source for b in target])
    return within(source) + within(target) - 2 * float(across)


def test_mmd_is_the_unbiased_estimate_over_five_kernels() -> None:
    found = mmd(tensor(SOURCE), tensor(TARGET)).item()
    assert found == pytest.approx(mmd_by_hand(SOURCE, TARGET), abs=1e-6)
    assert found == pytest.approx(0.0641243801, abs=1e-5)  # pytorch-adapt, quadratic, the same bandwidth
    # skada's dan_loss has exp(-distance / σ), not of the squared distance, and the other estimate: not comparable.


def test_mmd_s_kernel_is_the_mean_of_scikit_learn_s() -> None:
    points = np.concatenate([SOURCE, TARGET])
    squared = euclidean_distances(points, squared=True)
    np.testing.assert_allclose(squared_distances(tensor(points)).numpy(), squared, atol=1e-5)
    width = np.median(squared[np.triu_indices(len(points), 1)])
    expected = np.mean([rbf_kernel(points, gamma=1 / (2.0**u * width)) for u in range(-2, 3)], axis=0)
    np.testing.assert_allclose(multi_kernel(torch.from_numpy(squared)).numpy(), expected, atol=1e-9)


def test_mmd_takes_its_bandwidth_as_given() -> None:
    source, target = torch.from_numpy(SOURCE).requires_grad_(), torch.from_numpy(TARGET)
    mmd(source, target).backward()  # type: ignore[no-untyped-call]
    pairs = torch.pdist(torch.cat([source.detach(), target])).square()
    width, moved = pairs.median().item(), 1e-6

    def fixed(points: Array) -> float:
        n = len(SOURCE)
        squared = ((points[:, None] - points[None]) ** 2).sum(-1)
        kernel = np.mean([np.exp(-squared / (2.0**u * width)) for u in range(-2, 3)], axis=0)
        off = kernel - np.eye(len(points))
        m = len(points) - n
        within = off[:n, :n].sum() / (n * (n - 1)) + off[n:, n:].sum() / (m * (m - 1))
        return float(within - 2 * kernel[:n, n:].mean())

    up, down = np.concatenate([SOURCE, TARGET]), np.concatenate([SOURCE, TARGET])
    up[2, 1] += moved
    down[2, 1] -= moved
    assert source.grad is not None
    assert source.grad[2, 1].item() == pytest.approx((fixed(up) - fixed(down)) / (2 * moved), abs=1e-7)


def test_mmd_is_zero_in_the_mean_where_domains_are_alike() -> None:
    draw = torch.Generator().manual_seed(1)
    found = [mmd(*torch.randn(2, 8, 3, generator=draw)).item() for _ in range(300)]
    assert min(found) < 0
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(300)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 2), (4, 5)])
def test_mmd_s_median_of_an_even_number_is_the_mean_of_the_middle_two(n: int, m: int) -> None:
    """Torch's own takes the lower one: -0.1789 instead of -0.1803 of 2 and 2."""
    source, target = wave(n, 3, 1.3), wave(m, 3, 0.9)
    assert mmd(tensor(source), tensor(target)).item() == pytest.approx(mmd_by_hand(source, target), abs=1e-6)


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_features_that_collapsed_give_no_gradient_of_rounding(apart: float) -> None:
    """Rows that are one by themselves, or nearly so: noise over a γ of noise gave a gradient of norm 0.89."""
    draw = torch.Generator().manual_seed(0)
    one = torch.randn(1, 32, generator=draw) * 5
    source = one.repeat(8, 1).requires_grad_()
    target = (one + apart).repeat(6, 1)
    with torch.no_grad():
        target[::2] *= 1 + 1e-7
    distance = mmd(source, target)
    distance.backward()  # type: ignore[no-untyped-call]
    assert distance.item() == pytest.approx(0 if not apart else distance.item(), abs=1e-6)
    assert source.grad is not None
    if not apart:
        assert source.grad.norm() == 0
    assert torch.isfinite(source.grad).all()


def test_features_that_are_all_one_give_no_nan() -> None:
    same = torch.ones(4, 3, requires_grad=True)
    distance = mmd(same, torch.ones(4, 3))
    distance.backward()  # type: ignore[no-untyped-call]
    assert distance.item() == pytest.approx(0)
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_coral_is_the_distance_of_covariances() -> None:
    by_hand = ((np.cov(SOURCE.T) - np.cov(TARGET.T)) ** 2).sum() / (4 * 4**2)
    assert coral(tensor(SOURCE), tensor(TARGET)).item() == pytest.approx(by_hand, abs=1e-6)
    assert by_hand == pytest.approx(0.2726682652, abs=1e-9)  # pytorch-adapt


def test_its_covariances_are_scikit_learn_s_unbiased() -> None:
    """Which divides by n, not by n - 1."""
    for features in (SOURCE, TARGET):
        n = len(features)
        expected = empirical_covariance(features) * n / (n - 1)
        np.testing.assert_allclose(covariance(tensor(features)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("kind", "distance"), [(MMD, mmd), (Coral, coral)])
def test_distances_compare_the_features_of_both_batches(kind: type, distance: object) -> None:
    step = make_step(tensor(SOURCE), tensor(TARGET))
    found = kind(ObjectivesParams(align_weight=0.5), SHAPE)(step)
    assert torch.equal(found, 0.5 * distance(tensor(SOURCE), tensor(TARGET)))  # type: ignore[operator]


def test_the_reversal_is_the_identity_forwards_and_minus_lambda_backwards() -> None:
    inputs = torch.tensor([1.0, -2.0], requires_grad=True)
    seen = reverse(inputs, 0.25)
    assert torch.equal(seen, inputs)
    (seen * torch.tensor([3.0, 5.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None
    assert inputs.grad.tolist() == [-0.75, -1.25]


def test_the_reversal_grows_from_nothing_to_all() -> None:
    assert strength(0) == 0
    assert strength(0.1) == pytest.approx((math.e - 1) / (math.e + 1))
    assert strength(1) == pytest.approx(0.9999092)


def test_a_discriminator_follows_from_its_seed_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first, again, other = Discriminator(4, 1), Discriminator(4, 1), Discriminator(4, 2)
    assert torch.equal(torch.rand(2), expected)
    weights = [made.layers[0].weight for made in (first, again, other)]
    assert torch.equal(weights[0], weights[1])  # type: ignore[arg-type]
    assert not torch.equal(weights[0], weights[2])  # type: ignore[arg-type]


def linear(objective: DANN | CDAN, weights: Array) -> None:
    """A discriminator whose logit is weights · inputs."""
    made = torch.nn.Linear(len(weights), 1, bias=False)
    made.weight.data = tensor(weights[None])
    objective.discriminator.layers = torch.nn.Sequential(made)


def sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def test_dann_is_the_discriminator_s_cross_entropy_turned_round_for_the_features() -> None:
    objective = DANN(ObjectivesParams(align_weight=2.0), SHAPE)
    axis = np.array([1.0, 0.0, 0.0, 0.0])
    linear(objective, axis)
    features = tensor(SOURCE).requires_grad_()
    found = objective(make_step(features, tensor(TARGET), progress=0.1))
    told, missed = sigmoid(SOURCE @ axis), sigmoid(TARGET @ axis)
    by_hand = -np.log(1 - told).mean() - np.log(missed).mean()
    assert found.item() == pytest.approx(2 * by_hand, abs=1e-5)
    found.backward()
    # d(-log(1 - σ(wx)))/dx = σ w; turned round, times λ_p, times the weight, over the six of the batch.
    expected = -strength(0.1) * 2 * told[:, None] * axis / 6
    assert features.grad is not None
    np.testing.assert_allclose(features.grad.numpy(), expected, atol=1e-6)
    # The discriminator itself goes downhill, at full rate.
    slope = 2 * (told @ SOURCE / 6 - (1 - missed) @ TARGET / 5)
    (weight,) = objective.discriminator.parameters()
    assert weight.grad is not None
    np.testing.assert_allclose(weight.grad.numpy()[0], slope, atol=1e-5)


def cdan_by_hand(source: Array, target: Array, weights: Array) -> float:
    total = 0.0
    for samples, domain in ((source, 0), (target, 1)):
        terms = []
        for features in samples:
            raised = np.exp(features[:3])
            answer = raised / raised.sum()
            entropy = -(answer * np.log(answer)).sum()
            told = sigmoid(np.kron(features, answer) @ weights)
            terms.append((1 + np.exp(-entropy)) * -np.log(told if domain else 1 - told))
        total += float(np.mean(terms))
    return total


def test_cdan_tells_by_all_products_and_counts_the_sure_more() -> None:
    objective = CDAN(ObjectivesParams(align_weight=1), SHAPE)
    assert isinstance(objective.map, Outer)
    weights = wave(1, 12, 0.9)[0]
    linear(objective, weights)
    found = objective(make_step(tensor(SOURCE), tensor(TARGET)))
    assert found.item() == pytest.approx(cdan_by_hand(SOURCE, TARGET, weights), abs=1e-5)


def test_cdan_turns_the_gradient_round_for_features_answers_and_weights_alike() -> None:
    objective = CDAN(ObjectivesParams(align_weight=1), SHAPE)
    weights = wave(1, 12, 0.9)[0]
    linear(objective, weights)
    features = tensor(SOURCE).requires_grad_()
    objective(make_step(features, tensor(TARGET), progress=0.3)).backward()
    up, down = SOURCE.copy(), SOURCE.copy()
    up[1, 2] += 1e-6
    down[1, 2] -= 1e-6
    slope = (cdan_by_hand(up, TARGET, weights) - cdan_by_hand(down, TARGET, weights)) / 2e-6
    assert features.grad is not None
    assert features.grad[1, 2].item() == pytest.approx(-strength(0.3) * slope, abs=1e-6)


def test_wide_cdan_multiplies_random_projections() -> None:
    shape = Shape(width=1025, classes=4, seed=2)
    made, again = CDAN(ObjectivesParams(), shape).map, CDAN(ObjectivesParams(), shape).map
    assert isinstance(made, RandomProducts)
    features, answers = tensor(wave(2, 1025, 1.1)), tensor(wave(2, 4, 0.7)).softmax(1)
    found = made(features, answers)
    assert torch.equal(found, again(features, answers))
    assert list(made.state_dict()) == []
    by_hand = (features.numpy() @ made.of_features.numpy()) * (answers.numpy() @ made.of_answers.numpy()) / 32
    np.testing.assert_allclose(found.numpy(), by_hand, atol=1e-4)


def test_random_projections_keep_inner_products_in_the_mean() -> None:
    features, answers = wave(2, 5, 1.1), wave(2, 3, 0.7)
    exact = (features[0] @ features[1]) * (answers[0] @ answers[1])
    products = []
    for seed in range(200):
        first, second = RandomProducts(5, 3, seed)(tensor(features), tensor(answers))
        products.append((first @ second).item())
    assert abs(np.mean(products) - exact) < 3 * np.std(products) / math.sqrt(200)
    assert np.std(products) < 1
