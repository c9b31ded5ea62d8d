"""The tests of a window against formulas worked by hand, their level, and what they see."""

import numpy as np
import pytest
from scipy import stats
from windows_of import watch_of, window_of

from components.errors import DataError, ParamsError
from components.monitoring import comparison
from components.monitoring.comparison import Asked, compare, count_tests, judged
from components.monitoring.mmd import FACTORS, mmd_test, pooled_kernel
from components.monitoring.observed import Observed
from components.monitoring.several import holm, refuse_too_few
from components.monitoring.shares import shares_test
from components.params.monitoring import fewest_permutations


def test_mmd_of_three_points_is_the_formula() -> None:
    """x = 0, 0; y = 1. Distances 0, 1, 1: their median is 1. MMD² = 1 + 1 - 2 k(1)."""
    points = np.array([[0.0], [0.0], [1.0]])
    k = np.mean([np.exp(-1 / (2 * factor)) for factor in FACTORS])
    assert pooled_kernel(points)[0] == pytest.approx([1, 1, k])
    value, p = mmd_test(points[:2], points[2:], 999, np.random.default_rng(0))
    assert value == pytest.approx(2 - 2 * k, rel=1e-5)
    # Which of the three stands alone: y in one of three permutations, and no other has as large an MMD.
    assert p == pytest.approx(1 / 3, abs=0.06)


def test_mmd_of_equal_points_sees_nothing() -> None:
    for point in (np.ones(3), np.random.default_rng(1).normal(size=300) * 100):
        value, p = mmd_test(np.tile(point, (5, 1)), np.tile(point, (4, 1)), 99, np.random.default_rng(0))
        assert (value, p) == (pytest.approx(0, abs=1e-6), 1.0)


def test_shares_are_pearson_s_chi_squared_and_its_p_is_the_exact_one() -> None:
    ours, theirs = np.array([8, 2]), np.array([3, 7])
    expected = stats.chi2_contingency([ours, theirs], correction=False).statistic
    value, p = shares_test(ours, theirs, 20_000, np.random.default_rng(1))
    # Rows of 10: the first has 8 of the 11 with C(11, 8) C(9, 2) / C(20, 10); as far from 5.5 are 8, 9, 10 and 3, 2, 1.
    exact = stats.fisher_exact([ours, theirs]).pvalue
    assert value == pytest.approx(expected) == pytest.approx(2.5**2 / 5.5 * 2 + 2.5**2 / 4.5 * 2)
    assert p == pytest.approx(exact, abs=0.01)
    assert shares_test(np.array([4, 0]), np.array([9, 0]), 99, np.random.default_rng(1)) == (0.0, 1.0)


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.03, 0.04: times 3, 2, 1 is 0.03, 0.06, 0.04, and none falls below the one before."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]


def test_too_few_permutations_are_refused() -> None:
    """Eight tests at one alarm in 720 windows: 1 / (1 + n) must not exceed 1 / 5760."""
    refuse_too_few(5759, 8, 1 / 720)
    with pytest.raises(ParamsError, match=r"1/5759, lies above .* of 8 tests .*Allowed: 5759 or more"):
        refuse_too_few(5758, 8, 1 / 720)


def test_the_fewest_permutations_that_are_allowed_can_raise_an_alarm() -> None:
    """9 times 1/300 is 0.030000000000000002: an alarm at a rate of 0.03, though not as numbers in floating point."""
    assert 9 * (1 / 300) > 0.03
    for tests, rate in ((9, 0.03), (8, 1 / 720), (7, 0.05), (3, 0.1)):
        fewest = fewest_permutations(tests, rate)
        refuse_too_few(fewest, tests, rate)
        with pytest.raises(ParamsError, match=f"Allowed: {fewest} or more"):
            refuse_too_few(fewest - 1, tests, rate)
        made = [
            comparison.Test("embeddings", "MMD", 1.0, 1 / (1 + fewest)),
            *[comparison.Test("x", "KS", 0.0, 1.0)] * (tests - 1),
        ]
        assert judged(made, rate)[0].alarm
        fewer = [comparison.Test("embeddings", "MMD", 1.0, 1 / fewest), *made[1:]]
        assert not judged(fewer, rate)[0].alarm


@pytest.mark.parametrize("side", ["reference", "window"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["the statistic 'brightness'", "the answer", "the embedding"])
def test_what_is_not_finite_is_refused_by_name_instead_of_dropping_its_test(
    side: str, value: float, what: str
) -> None:
    draw = np.random.default_rng(8)
    sides = {"reference": drawn(draw, 60), "window": drawn(draw, 60)}
    columns = {
        "the statistic 'brightness'": sides[side].statistics["brightness"],
        "the answer": sides[side].answers[:, 1],
        "the embedding": sides[side].embeddings[:, 0],
    }
    columns[what][[3, 5]] = value
    said = f"In the {side}, {what} of 2 of 60 samples is NaN or infinite, first of s3"
    with pytest.raises(DataError, match=said):
        compare(sides["reference"], sides["window"], Asked(0.05, 999, 50, 0), watch_of())


def drawn(draw: np.random.Generator, count: int, shift: float = 0.0) -> Observed:
    points = draw.normal(shift, 1, (count, 4))
    return window_of(
        points, draw.random(count), {"brightness": points[:, 0] * 9, "width": np.full(count, 5.0)}
    )


def test_false_alarms_are_as_many_as_the_rate_says() -> None:
    """100 windows at 20 %, all tests together: Holm's bound is an upper one."""
    draw, raised = np.random.default_rng(5), 0
    for number in range(100):
        found = compare(drawn(draw, 40), drawn(draw, 30), Asked(0.2, 99, 30, number), watch_of())
        raised += any(test.alarm for test in found)
    low, high = stats.binom.interval(0.999, 100, 0.2)
    assert low <= raised <= high


def test_a_shift_is_seen_where_it_is_and_what_never_varies_is_not_tested() -> None:
    draw = np.random.default_rng(6)
    ours, theirs = drawn(draw, 200), drawn(draw, 100, shift=0.8)
    found = {test.name: test for test in compare(ours, theirs, Asked(0.01, 999, 50, 0), watch_of())}
    assert list(found) == ["embeddings", "classes", "confidence", "brightness"]
    assert {name for name, test in found.items() if test.alarm} == {"embeddings", "brightness"}
    assert found["brightness"].window - found["brightness"].reference == pytest.approx(7.2, abs=3)  # type: ignore[operator]
    assert count_tests(ours, watch_of()) == 5


def test_a_window_that_is_too_small_is_refused() -> None:
    draw = np.random.default_rng(7)
    with pytest.raises(DataError, match="The window has 49 samples that could be read; 50 are needed"):
        compare(drawn(draw, 60), drawn(draw, 49), Asked(0.05, 999, 50, 0), watch_of())
