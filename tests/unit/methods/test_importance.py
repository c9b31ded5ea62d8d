"""KMM, KLIEP, uLSIF and what they share, against values by hand and by other libraries."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from components.errors import DataError
from components.methods import importance, kliep, kmm, load_weighting, ulsif
from components.methods.base import Seen
from components.params.objectives import WeightingParams


def ramp(rows, columns, phase, scale, shift):
    return np.sin(np.arange(rows * columns) * 1.7 + phase).reshape(rows, columns) * scale + shift


SOURCE, TARGET, WIDTH = ramp(8, 2, 0.0, 1.5, 0.0), ramp(6, 2, 0.5, 1.0, 0.5), 0.8
AMONG, ACROSS = importance.gaussian(SOURCE, SOURCE, WIDTH), importance.gaussian(SOURCE, TARGET, WIDTH)
LIKELY = importance.gaussian(TARGET, TARGET, WIDTH)


def seen(source, target, of_target=None):
    """Labelled source samples, without a class of their own."""
    count = len(source)
    marks = np.zeros(count, bool) if of_target is None else of_target
    return Seen(np.float32(source), np.zeros(count, np.int64), marks, np.float32(target), 0)


def test_effective_samples_are_all_where_alike_and_one_where_one_has_it_all():
    assert importance.effective_samples(np.full(7, 0.3)) == pytest.approx(7)
    assert importance.effective_samples(np.array([0, 5.0, 0])) == pytest.approx(1)
    assert importance.effective_samples(np.array([1.0, 3.0])) == pytest.approx(16 / 10)


def test_the_kernel_is_1_at_no_distance_and_falls_by_the_width():
    found = importance.gaussian(np.array([[0.0, 0.0]]), np.array([[0.0, 0.0], [3.0, 4.0]]), 5.0)
    np.testing.assert_allclose(found, [[1, math.exp(-0.5)]])
    np.testing.assert_allclose(ACROSS, rbf_kernel(SOURCE, TARGET, gamma=1 / (2 * WIDTH**2)))


def test_the_median_distance_is_never_0():
    here = np.zeros((3, 2))
    assert importance.median_distance(here, here) == 1
    assert importance.median_distance(here, here + np.array([3, 4])) == 5


def test_a_line_is_said_where_few_samples_decide(capsys):
    far = np.concatenate([np.zeros((50, 1)), [[30.0]]])
    far[:50, 0] = np.linspace(-0.1, 0.1, 50)
    load_weighting(WeightingParams(method="kmm"))(seen(far, [[30.0], [30.1]]))
    assert "below 10%: few source samples are like the target" in capsys.readouterr().err
    load_weighting(WeightingParams(method="kmm"))(seen(SOURCE, SOURCE))
    said = capsys.readouterr().err
    assert "Weighting kmm: 8 samples count like 8 (effective sample size)." in said


def test_features_are_standardised_and_projected():
    """A feature of a million times the scale says no more than another."""
    draw = np.random.default_rng(0)
    source, target = draw.normal(size=(60, 4)), draw.normal(size=(40, 4)) + 0.5
    scale = np.array([1e6, 1, 1e-3, 10])
    weighting = load_weighting(WeightingParams(method="ulsif"))
    plain, scaled = (weighting(seen(source * s, target * s)) for s in (1, scale))
    np.testing.assert_allclose(plain, scaled, rtol=1e-3)


def test_target_samples_count_1_before_all_are_scaled():
    """The source's ratios are 1 on average, so that every weight of a target sample is 1."""
    rows = np.concatenate([SOURCE, TARGET[:2]])
    marks = np.arange(10) >= 8
    weights = load_weighting(WeightingParams(method="kliep"))(seen(rows, TARGET, marks))
    np.testing.assert_allclose(weights[marks], 1)
    assert weights[~marks].std() > 0.1


def test_a_ratio_of_0_everywhere_is_refused():
    class Nowhere(importance.DensityRatio):
        def _ratio(self, source, target, seed):
            return np.zeros(len(source))

    with pytest.raises(DataError, match=r"every source sample weight 0.*weighting.method: none"):
        Nowhere(WeightingParams(method="kmm"))(seen(SOURCE, TARGET))


# --- KMM


def test_kmm_solves_two_samples():
    """K β = κ, where the bounds leave it alone."""
    kernel, across = np.array([[1, 0.5], [0.5, 1]]), np.array([[0.9, 0.7], [0.6, 0.4]])
    kappa = 2 * across.mean(axis=1)  # 1.6, 1.0
    expected = [(kappa[0] - 0.5 * kappa[1]) / 0.75, (kappa[1] - 0.5 * kappa[0]) / 0.75]
    np.testing.assert_allclose(kmm.match(kernel, across), expected, rtol=1e-6)


def test_kmm_keeps_weights_at_0():
    """Alone, the second would be negative: κ = (1.8, 0.2), K⁻¹ κ = (2.27, -0.93)."""
    kernel, across = np.array([[1, 0.5], [0.5, 1]]), np.array([[0.9], [0.1]])
    np.testing.assert_allclose(kmm.match(kernel, across), [1.8, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("across", "total"), [((0.2, 0.1), math.sqrt(2)), ((2.8, 3.2), 4 - math.sqrt(2))], ids=["least", "most"]
)
def test_kmm_keeps_the_sum(across, total):
    """With n = 2, |Σ β - 2| ≤ 2 - √2; on that edge β₁ - β₂ = (κ₁ - κ₂) / (1 - k), from the two stationary equations."""
    kernel = np.array([[1, 0.2], [0.2, 1]])
    difference = 2 * (across[0] - across[1]) / 0.8
    found = kmm.match(kernel, np.array(across)[:, None])
    np.testing.assert_allclose(found, [(total + difference) / 2, (total - difference) / 2], atol=1e-6)


def test_kmm_finds_the_nearest_mean_under_the_constraints():
    """The paper's problem as it stands, by a solver that keeps constraints (SLSQP)."""
    n, kappa = len(SOURCE), len(SOURCE) * ACROSS.mean(axis=1)
    slack = math.sqrt(n)
    found = minimize(
        lambda beta: beta @ AMONG @ beta / 2 - kappa @ beta,
        np.ones(n),
        jac=lambda beta: AMONG @ beta - kappa,
        method="SLSQP",
        bounds=[(0, 1000)] * n,
        constraints=[
            {"type": "ineq", "fun": lambda beta: n + slack - beta.sum()},
            {"type": "ineq", "fun": lambda beta: beta.sum() - n + slack},
        ],
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    np.testing.assert_allclose(kmm.match(AMONG, ACROSS), found.x, atol=1e-4)


@pytest.mark.parametrize("ridge", [0.0, kmm.RIDGE])
@pytest.mark.parametrize(("n", "width"), [(200, 6), (60, 2), (60, 1), (1, 1)])
def test_kmm_ends_at_the_optimum_also_where_the_kernel_is_almost_singular(
    n: int, width: int, ridge: float
) -> None:
    """The conditions of Karush, Kuhn and Tucker, which suffice in a convex program: where β is inside the box its
    gradient is 0, at 0 it points inwards. A gradient method ends up to 2e-3 away, and in one dimension stalls there.
    """
    draw = np.random.default_rng(n + width)
    source, target = draw.normal(size=(n, width)), draw.normal(0.7, 0.7, size=(50, width))
    across_by = importance.median_distance(source, target)
    kernel = importance.gaussian(source, source, across_by)
    across = importance.gaussian(source, target, across_by)
    beta = kmm.match(kernel, across, ridge)
    if n == 1:
        assert beta.tolist() == [1]
        return
    assert abs(beta.sum() - n) < n - math.sqrt(n)  # the sum binds nothing here
    gradient = kernel @ beta - n * across.mean(axis=1) + ridge * (beta - 1)
    assert beta.min() >= 0
    assert beta.max() < kmm.BOUND
    # What is left where the gradient points outwards, or where both β and the gradient are away from 0.
    assert np.abs(np.minimum(beta, gradient)).max() < 1e-5


def test_kmm_s_ridge_keeps_weights_from_following_noise_and_means_matched():
    """Breast cancer data, by their first six features: two halves of one sample, and a selection against the rest."""
    rows = StandardScaler().fit_transform(load_breast_cancer().data[:, :6])
    one, other = np.array_split(np.random.default_rng(0).permutation(rows), 2)
    width = importance.median_distance(one, other)
    among, across = importance.gaussian(one, one, width), importance.gaussian(one, other, width)
    off = [np.abs(kmm.match(among, across, ridge) - 1).mean() for ridge in (0.0, kmm.RIDGE)]
    assert off[1] < off[0] / 2
    chosen = one[one[:, 0] < 0]
    among, across = importance.gaussian(chosen, chosen, width), importance.gaussian(chosen, other, width)
    within = importance.gaussian(other, other, width).mean()

    def apart(weights):
        shares = weights / weights.sum()
        return math.sqrt(shares @ among @ shares - 2 * shares @ across.mean(axis=1) + within)

    plain, without, with_ridge = (
        apart(w)
        for w in (
            np.ones(len(chosen)),
            kmm.match(among, across),
            kmm.match(among, across, kmm.RIDGE),
        )
    )
    assert without < 0.6 * plain
    assert with_ridge - without < 0.1 * (plain - without)


# --- KLIEP


def test_kliep_gives_two_far_centres_their_share():
    """Two groups in the source, 3 : 1, and in the target, 1 : 1, far apart: ratios 2/3 and 2."""
    source, target = np.array([[0.0], [0], [0], [100]]), np.array([[0.0], [100]])
    near, likely = (importance.gaussian(rows, target, 1.0) for rows in (source, target))
    alpha = kliep.coefficients(near.mean(axis=0), likely)
    np.testing.assert_allclose(near @ alpha, [2 / 3, 2 / 3, 2 / 3, 2], rtol=1e-6)


def test_kliep_finds_the_likeliest_ratio_under_the_constraint():
    """The paper's problem as it stands, by a solver that keeps constraints (SLSQP)."""
    near = ACROSS.mean(axis=0)
    found = minimize(
        lambda alpha: -np.log(LIKELY @ alpha).mean(),
        np.full(6, 1 / near.sum()),
        method="SLSQP",
        bounds=[(0, None)] * 6,
        constraints=[{"type": "eq", "fun": lambda alpha: near @ alpha - 1}],
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    alpha = kliep.coefficients(near, LIKELY)
    assert near @ alpha == pytest.approx(1)
    np.testing.assert_allclose(ACROSS @ alpha, ACROSS @ found.x, atol=1e-5)


def test_kliep_leaves_out_centres_that_no_source_sample_is_near():
    alpha = kliep.coefficients(np.array([0.5, 0.0]), np.array([[1.0, 0.1], [0.1, 1.0]]))
    np.testing.assert_allclose(alpha, [2, 0])


def test_kliep_chooses_the_width_by_what_it_was_not_fitted_to():
    """A target as smooth as the source wants a wider kernel than one of narrow clumps."""
    draw = np.random.default_rng(0)
    source, smooth = draw.uniform(-3, 3, size=(100, 1)), draw.uniform(-3, 3, size=(30, 1))
    clumps = np.repeat([[-2.0], [0.5], [2.5]], 10, axis=0) + 0.02 * draw.normal(size=(30, 1))
    wide, narrow = (
        kliep.likeliest_width(source, target, target, 0) / importance.median_distance(source, target)
        for target in (smooth, clumps)
    )
    assert narrow == pytest.approx(0.25)
    assert wide >= 1


# --- uLSIF


def test_ulsif_solves_one_centre():
    """α = h / (H + λ) with H the mean square and h the mean of the kernel."""
    near, likely = np.array([[0.5], [1.0]]), np.array([[0.8], [0.6], [1.0]])
    np.testing.assert_allclose(ulsif.coefficients(near, likely, 0.1), [0.8 / (0.625 + 0.1)])


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (0.01, [2.4367796, 1.3753397, 3.2920993, 2.0047036, 3.4337997, 2.3822072, 1.6911274, 2.4798589]),
        (0.1, [1.5561682, 0.6747375, 1.5732458, 1.0285139, 1.5433699, 1.3297151, 0.8974268, 1.5499501]),
    ],
)
def test_ulsif_agrees_with_densratio(penalty, expected):
    """densratio 0.4.0, alpha 0, the same centres, width and penalty."""
    found = ACROSS @ ulsif.coefficients(ACROSS, LIKELY, penalty)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("penalty", [0.01, 0.1])
def test_ulsif_solves_its_equations(penalty):
    """(H + λ I) α = h, and then nothing below 0, as the paper cuts it off."""
    second = ACROSS.T @ ACROSS / len(SOURCE) + penalty * np.eye(len(TARGET))
    expected = np.linalg.solve(second, LIKELY.mean(axis=0)).clip(0)
    np.testing.assert_allclose(ulsif.coefficients(ACROSS, LIKELY, penalty), expected, rtol=1e-8)


@pytest.mark.parametrize("penalty", [0.001, 0.1, 10.0])
@pytest.mark.parametrize("sides", [(8, 6), (4, 6), (2, 2)])
def test_ulsif_leaves_out_in_closed_form_what_leaving_out_gives(penalty, sides):
    near, likely = ACROSS[: sides[0]], LIKELY[: sides[1]]
    errors = []
    for i in range(min(sides)):
        alpha = ulsif.coefficients(np.delete(near, i, 0), np.delete(likely, i, 0), penalty)
        errors.append((near[i] @ alpha) ** 2 / 2 - likely[i] @ alpha)
    assert ulsif.left_out_error(near, likely, penalty) == pytest.approx(np.mean(errors), rel=1e-9)


def test_ulsif_finds_a_known_ratio():
    """Between two Gaussians of one spread the ratio is exp(x - ½)."""
    draw = np.random.default_rng(2)
    source, target = draw.normal(size=(2000, 1)), draw.normal(1, 1, size=(2000, 1))
    weights = load_weighting(WeightingParams(method="ulsif"))(seen(source, target))
    assert np.corrcoef(weights, np.exp(source[:, 0] - 0.5))[0, 1] > 0.9
