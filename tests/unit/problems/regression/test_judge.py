"""Metrics against scikit-learn and scipy, influences against the jackknife, intervals on drawn data."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from described import description, task
from scipy.stats import spearmanr
from sklearn import metrics as theirs

from benchmarks.ends import key
from benchmarks.guarantee_tables import published
from benchmarks.regression import POWER, asked, passed, place
from components.evaluation.gates import Release
from components.evaluation.gates import judge as judge_gate
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.promotion import By, Pair, decide
from components.evaluation.spread import Floats, Plan
from components.inference.contract import FILES
from components.params.promotion import PromotionParams
from components.params.release import GateParams
from components.problems.regression.decision import Decision
from components.problems.regression.judge import TABLE, Judge, influence, metrics
from components.problems.regression.judge.metrics import Outcome
from components.problems.regression.show import Show
from components.stages.evaluate import measure

JUDGE = Judge(task(), description())


def drawn(count: int = 60, numbers: int = 1, seed: int = 0) -> Outcome:
    """With ties among targets and predictions."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, 12, (count, numbers)).astype(np.float64)
    said = np.round(targets + draw.normal(0, 2, (count, numbers)), 1)
    return Outcome(targets, said, said - 2, said + 3, np.ones(numbers), 0.9)


def test_metrics_are_those_of_the_libraries() -> None:
    one = drawn()
    y, said = one.targets[:, 0], one.prediction[:, 0]
    assert metrics.rmse(one) == pytest.approx(theirs.root_mean_squared_error(y, said))
    assert metrics.mae(one) == pytest.approx(theirs.mean_absolute_error(y, said))
    assert metrics.r2(one) == pytest.approx(theirs.r2_score(y, said))
    assert metrics.spearman(one) == pytest.approx(spearmanr(y, said).statistic)
    assert metrics.coverage(one) == np.mean((said - 2 <= y) & (y <= said + 3))
    assert metrics.interval_width(one) == pytest.approx(5)
    losses = [
        theirs.mean_pinball_loss(y, said + off, alpha=level)
        for off, level in ((0, 0.5), (-2, 0.05), (3, 0.95))
    ]
    assert metrics.pinball(one) == pytest.approx(np.mean(losses))


def test_of_several_numbers_errors_are_standardised_and_averaged() -> None:
    said, none = np.array([[2.0, 30.0], [-2.0, 10.0]]), np.full((2, 2), np.nan)
    both = Outcome(np.zeros((2, 2)), said, none, none, np.array([2.0, 10.0]), 0.9)
    assert metrics.mae(both) == 1.5
    assert metrics.rmse(both) == pytest.approx(np.sqrt((1 + 9 + 1 + 1) / 4))


def test_coverage_of_several_numbers_is_that_of_the_worst() -> None:
    """0.99 and 0.81 are not 0.90: the promise is of each number."""
    targets = np.zeros((100, 2))
    targets[:1, 0], targets[:19, 1] = 9, 9
    both = Outcome(targets, np.zeros((100, 2)), np.full((100, 2), -1.0), np.ones((100, 2)), np.ones(2), 0.9)
    judge = Judge(task(), description(("y", "z"), (0, 0), (1, 1)))
    found = intervals(both, Plan(0.95), judge.metrics)
    alone = intervals(both.number(1), Plan(0.95), TABLE)["coverage"]
    assert (found["coverage"].estimate, found["coverage of y"].estimate) == (0.81, 0.99)
    assert found["coverage of z"] == alone
    assert (found["coverage"].low, dict(judge.tables(both)["intervals.csv"][1])[1.0]) == (alone.low, 0.81)
    assert found["coverage"].high > alone.high  # type: ignore[operator]


def test_a_number_is_measured_in_its_unit_and_as_if_it_were_alone() -> None:
    both = replace(drawn(400, 2), unit=np.array([2.0, 10.0]))
    judge = Judge(task(), description(("y", "z"), (0, 0), (2, 10)))
    found = intervals(both, Plan(0.95), judge.metrics)
    for index, name in enumerate(("y", "z")):
        alone = intervals(both.number(index), Plan(0.95), TABLE)
        for metric in ("rmse", "mae", "coverage"):
            assert found[f"{metric} of {name}"] == alone[metric]
    rms = np.sqrt(((both.prediction - both.targets) ** 2).mean(axis=0))
    assert [found[f"rmse of {name}"].estimate for name in ("y", "z")] == pytest.approx(rms)
    assert set(JUDGE.metrics) == set(TABLE), "of one number, the metrics of all are its own"


def test_the_report_has_a_row_with_intervals_for_each_number() -> None:
    both = drawn(400, 2)
    parts = Show(task(), description(("y", "z"), (0, 0), (1, 1))).parts(both, Plan(0.95))
    assert list(parts) == ["y (mm)", "z (mm)"]
    assert parts["z (mm)"]["coverage"] == intervals(both.number(1), Plan(0.95), TABLE)["coverage"]
    assert parts["z (mm)"]["samples"].estimate == 400
    assert Show(task(), description()).parts(drawn(), Plan(0.95)) == {}


def test_a_rule_about_a_number_judges_that_number() -> None:
    """The first is covered in all of 100, the second in 81."""
    targets = np.zeros((100, 2))
    targets[:19, 1] = 9
    both = Outcome(targets, np.zeros((100, 2)), np.full((100, 2), -1.0), np.ones((100, 2)), np.ones(2), 0.9)
    judge = Judge(task(), description(("y", "z"), (0, 0), (1, 1)))
    asked = ({"number": "y"}, {"number": "z"}, {}, {"number": "x"})
    gate = GateParams.model_validate(
        {"rules": [{"metric": "coverage", "at_least": 0.85, **more} for more in asked]}
    )
    measured = measure(dict.fromkeys(FILES, both), "fp32", {}, Plan(0.95), judge.metrics)
    found = judge_gate(gate, Release("fp32", "", {}, {}), measured).rules[:4]
    assert [rule.outcome for rule in found] == ["pass", "inconclusive", "inconclusive", "inconclusive"]
    assert found[3].evidence == "coverage is not measured of 'x'; it is of y, z"


def test_a_margin_of_all_numbers_is_not_one_of_a_number() -> None:
    """`rmse` is in standard deviations, `rmse of y` in mm."""
    both = drawn(400, 2)
    judge = Judge(task(), description(("y", "z"), (0, 0), (1, 1)))
    params = PromotionParams.model_validate(
        {
            "metric": "rmse",
            "margin": 0.1,
            "margins": {"rmse": 0.2, "rmse of z": 3},
            "slices": {"metric": "mae"},
        }
    )
    asked: dict[str, By] = {"rmse": "interval", "rmse of y": "interval", "rmse of z": "interval"}
    ruling = decide(Pair(both, both, {}, judge), Plan(0.95), asked, params, newer=0)
    said = [rule.rule for rule in ruling.rules if rule.kind == "metric"]
    assert said[1:] == ["rmse loses at most 0.2", "rmse of y loses at most 0.1", "rmse of z loses at most 3"]


def test_what_is_undefined_is_nan_and_a_constant_prediction_ranks_nothing() -> None:
    flat = Outcome(
        np.ones((3, 1)), np.array([[1.0], [2], [3]]), *[np.full((3, 1), np.nan)] * 2, np.ones(1), 0.9
    )
    assert np.isnan(metrics.r2(flat))
    assert np.isnan(metrics.spearman(flat))
    turned = Outcome(flat.prediction, flat.targets, flat.low, flat.high, flat.unit, 0.9)
    assert metrics.spearman(turned) == 0.0
    found = intervals(turned, Plan(0.95), TABLE)
    assert found["coverage"].estimate is None
    assert found["pinball"].estimate is None


@pytest.mark.parametrize(
    ("value", "influences"),
    [
        (metrics.mae, lambda o: influence.of_mean(o.absolute)),
        (metrics.rmse, lambda o: influence.of_root(o.square)),
        (metrics.r2, lambda o: -influence.of_unexplained(o)),
        (metrics.spearman, influence.of_spearman),
    ],
)
@pytest.mark.parametrize("numbers", [1, 2])
def test_influences_are_the_jackknife_s(
    value: Callable[[Outcome], float], influences: Callable[[Outcome], Floats], numbers: int
) -> None:
    one = drawn(400, numbers)
    whole, count = value(one), len(one)
    without = np.array([value(one.only(np.arange(count) != row)) for row in range(count)])
    jackknife = (count - 1) * (whole - without) / count
    found = influences(one)
    assert found.sum() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found, jackknife, atol=0.06 * np.abs(jackknife).max())
    assert np.sqrt((found**2).sum()) == pytest.approx(np.sqrt((jackknife**2).sum()), rel=0.03)


def test_too_few_samples_say_how_many_are_wanted() -> None:
    found = intervals(drawn(20), Plan(0.95), TABLE)
    assert found["mae"].low is None
    assert "wants at least 30" in str(found["mae"].reason)
    assert found["coverage"].low is not None


def test_a_model_and_itself_do_not_differ_but_the_interval_has_width() -> None:
    one = drawn(400)
    for name, found in paired(one, one, Plan(0.95), TABLE).items():
        if name == "interval_width":
            continue
        assert found.estimate == 0
        assert found.low is not None
        assert found.high is not None
        assert found.low < 0 < found.high, name


def test_copies_in_a_group_count_once() -> None:
    one = drawn(40)
    arrays = (one.targets, one.prediction, one.low, one.high)
    fourfold = Outcome(*(np.repeat(values, 4, axis=0) for values in arrays), one.unit, 0.9)
    plain = intervals(one, Plan(0.95), TABLE)
    grouped = intervals(fourfold, Plan(0.95, np.repeat(np.arange(40), 4)), TABLE)
    for name in ("mae", "coverage"):
        width = [found[name].high - found[name].low for found in (plain, grouped)]  # type: ignore[operator]
        assert width[1] > 0.85 * width[0]


# Cells of benchmarks/regression.py in which a better model passes often enough to see it.
SLICE = [
    ("rmse", "one model", 1, 300, 1),
    ("mae", "one model", 1, 100, 1),
    ("mae", "a difference", 1, 650, 1),
    ("r2", "one model", 1, 650, 1),
    ("spearman", "one model", 1, 300, 1),
    ("pinball", "one model", 1, 300, 1),
    ("coverage", "one model", 1, 300, 1),
    ("interval_width", "one model", 1, 30, 1),
    ("mae", "one model", 5, 100, 1),
    ("coverage", "one model", 30, 30, 1),
    ("spearman", "one model", 30, 30, 1),
    ("interval_width", "a difference", 30, 100, 1),
    ("coverage", "one model", 1, 300, 2),
    ("mae", "one model", 1, 100, 2),
    ("coverage", "one model", 5, 100, 2),
]
DRAWS, MOST, TRUTH = 200, 3.5, 300_000
# The same seeds draw the same samples: another machine's rounding turns a draw, if any.
ROUNDING = 0.5
CELLS = {key(cell): cell for cell in published("regression")}


@pytest.mark.parametrize("at", SLICE)
def test_ends_miss_seldom_and_a_better_model_passes(at: tuple[str, str, int, int, int]) -> None:
    """Of the population that was the worst, and of normal errors, by the draws that the results begin with."""
    cell, here = CELLS[place(*at)], asked(*at)
    assert max(here[cell["worst"]].draws(TRUTH).rates(DRAWS)) <= MOST + ROUNDING
    off = 3 * np.sqrt(cell["power"] * (100 - cell["power"]) / DRAWS) + ROUNDING
    assert cell["power"] >= 20
    assert passed(here[POWER], here[POWER].draws(TRUTH), DRAWS, TRUTH) >= cell["power"] - off


@pytest.mark.parametrize("at", SLICE)
def test_the_slice_finds_an_interval_that_is_too_narrow(at: tuple[str, str, int, int, int]) -> None:
    """1.3 standard errors for 1.96: both ends half as far from the estimate as they say."""
    draws = asked(*at)[CELLS[place(*at)]["worst"]].draws(TRUTH)

    def narrow(number: int) -> Interval:
        found = interval(number)
        assert found.estimate is not None
        assert found.low is not None
        assert found.high is not None
        return replace(found, low=(found.low + found.estimate) / 2, high=(found.high + found.estimate) / 2)

    interval, draws.interval = draws.interval, narrow
    assert max(draws.rates(DRAWS)) > MOST + ROUNDING


def test_constants_and_who_is_nearer() -> None:
    targets = np.array([[0.0], [1], [2], [9]], np.float32)
    found = JUDGE.constants(targets)
    assert found["mean"][0] == 3.0
    assert found["median"][0] == 1.5
    assert found["median"][1:] == pytest.approx([np.quantile(targets, 0.05), np.quantile(targets, 0.95)])
    decide = Decision(task(), description())
    mean, median = (
        JUDGE.outcome(targets, np.empty(0), decide(np.tile(found[name], (4, 1))))
        for name in ("mean", "median")
    )
    assert mean.correct.tolist() == [-3, -2, -1, -6]
    assert median.correct.tolist() == [-1.5, -0.5, -0.5, -7.5]
    assert metrics.coverage(median) == 0.5


@pytest.mark.parametrize("numbers", [1, 2])
def test_what_evaluation_keeps_is_enough(numbers: int) -> None:
    names = ("y", "z")[:numbers]
    judge = Judge(task(), description(names, (0,) * numbers, (1,) * numbers))
    one = drawn(30, numbers)
    kept = {name: np.asarray(values) for name, values in judge.columns(one).items()}
    kept["target"] = np.empty(len(one), dtype=object)  # lists, as they come out of Parquet
    kept["target"][:] = one.targets.tolist()
    back = judge.restored(kept)
    for name in ("targets", "prediction", "low", "high"):
        np.testing.assert_array_equal(getattr(back, name), getattr(one, name))


def test_tables_and_facts() -> None:
    one = drawn(50)
    tables = JUDGE.tables(one)
    header, rows = tables["residuals.csv"]
    assert header == ("number", "target", "prediction")
    assert rows[3] == ("y", one.targets[3, 0], one.prediction[3, 0])
    widths = dict(tables["intervals.csv"][1])  # type: ignore[arg-type]
    assert widths[1.0] == metrics.coverage(one)
    assert list(widths.values()) == sorted(widths.values())
    facts = JUDGE.facts(one)["numbers"][0]  # type: ignore[index]
    assert facts["unit"] == "mm"
    assert facts["bias"] == pytest.approx((one.prediction - one.targets).mean())
