"""Accuracy without labels, and with them; and which samples to label."""

import csv
import io
import json

import numpy as np
import pytest
from scipy import stats
from windows_of import watch_of, window_of

from benchmarks.unlabelled_accuracy import DISTANCES, LEVEL, SIZES, cells, cover, in_torch, pool
from benchmarks.workspace import RESULTS
from components.heads import NAMES, mlp
from components.monitoring.accuracy import estimated
from components.monitoring.labels import to_csv, worth_labelling


def estimate(reference: list[float], right: list[int], window: list[float]) -> float:
    found = estimated(
        np.array(reference), np.array(right, bool), np.array(window), 0.9, np.random.default_rng(0)
    )
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.n == len(window)
    return found.estimate


def test_the_threshold_leaves_as_many_below_as_are_wrong() -> None:
    """Two of five are wrong: 0.6 and 0.7 lie below the threshold 0.8."""
    confidence = [0.9, 0.6, 0.8, 0.7, 0.95]
    assert estimate(confidence, [1, 0, 1, 1, 0], [0.5, 0.8, 0.85, 0.99]) == 0.75
    assert estimate(confidence, [1, 1, 1, 1, 1], [0.5, 0.6, 0.85, 0.99]) == 0.75
    assert estimate(confidence, [0, 0, 0, 0, 0], [0.5, 0.95]) == 0


@pytest.mark.parametrize(
    ("right", "window", "expected"),
    [
        # Half of the reference is right: none of it above 0.75, so that half of what is tied there counts.
        ([1, 0, 1, 0], [0.75, 0.75, 0.75, 0.5], 3 / 8),
        ([1, 0, 1, 0], [0.75, 0.9, 0.6, 0.5], (1 + 0.5) / 4),  # what lies above counts as a whole
        ([1, 1, 1, 0], [0.75, 0.75, 0.6, 0.6], 0.75 / 2),
    ],
)
def test_of_tied_confidences_the_share_counts_that_makes_the_reference_right(
    right: list[int], window: list[float], expected: float
) -> None:
    assert estimate([0.75] * 4, right, window) == pytest.approx(expected)


def test_ties_in_the_middle_by_hand() -> None:
    """0.6, four times 0.7, 0.9; four of six are right: t = 0.7, one lies above it, so 3 of the 4 tied count."""
    reference, right = [0.6, 0.7, 0.7, 0.7, 0.7, 0.9], [0, 1, 1, 0, 1, 1]
    assert estimate(reference, right, reference) == pytest.approx(4 / 6)
    assert estimate(reference, right, [0.7, 0.9, 0.6, 0.7]) == pytest.approx((1 + 2 * 3 / 4) / 4)
    one_step = float(np.nextafter(np.float32(0.7), np.float32(1)))
    assert estimate(reference, right, [one_step, 0.9, 0.6, 0.7]) == pytest.approx((1 + 2 * 3 / 4) / 4)


@pytest.mark.parametrize("k", [1, 5])
def test_with_few_distinct_confidences_an_undrifted_window_is_as_right_as_the_reference(k: int) -> None:
    """The head `neighbours` knows k + 1 confidences; all tied ones as right gave 1.000 for .78, and the like."""
    world = pool("neighbours", k, 2.0, 4000, in_torch)
    assert len(np.unique(world.confidence)) <= k
    half = len(world.right) // 2
    found = estimated(
        world.confidence[:half], world.right[:half], world.confidence[half:], 0.95, np.random.default_rng(0)
    )
    assert found.estimate == pytest.approx(world.right[half:].mean(), abs=0.03)


@pytest.mark.parametrize("head", NAMES)
def test_the_interval_covers_the_accuracy_as_often_as_it_says(
    head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice of `python -m benchmarks unlabelled_accuracy`, where nearly all decisions are right."""
    monkeypatch.setattr(mlp, "ROUNDS", 5)
    found = cover(pool(head, 3, 4.7, 4000, in_torch), (60, 60), 40)
    assert found["covers"] >= stats.binom.ppf(0.001, 40, 0.95) / 40
    assert found["width"] < 0.25


def test_the_results_hold_every_head_and_no_interval_covers_too_seldom() -> None:
    """95 % of 200 draws, less what chance may take."""
    found = json.loads((RESULTS / "unlabelled_accuracy.json").read_text(encoding="utf-8"))
    assert {head for head, _ in cells().values()} == set(NAMES)
    assert found["cells"].keys() == cells().keys()
    least = stats.binom.ppf(0.001, found["trials"], LEVEL) / found["trials"]
    for worlds in found["cells"].values():
        assert worlds.keys() == DISTANCES.keys()
        for world in worlds.values():
            assert all(world[f"{n} and {m}"]["covers"] >= least for n, m in SIZES)


def test_the_interval_has_a_width_where_all_decisions_are_right() -> None:
    """Where one confidence is all there is, the lower bound is below Clopper and Pearson's for the reference alone."""
    right, same = np.ones(50, bool), np.full(50, 0.8)
    found = estimated(same, right, same, 0.95, np.random.default_rng(0))
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert 0.8 < found.low < stats.beta.ppf(0.025, 50, 1)


def test_the_estimate_follows_the_accuracy_where_confidence_keeps_its_meaning() -> None:
    """Confidence c is right with probability c; the window has more of the unsure."""
    draw = np.random.default_rng(1)
    reference, window = draw.uniform(0.7, 1, 4000), draw.uniform(0.5, 1, 4000)
    right = draw.random(4000) < reference
    found = estimated(reference, right, window, 0.95, draw)
    # 0.85 of the reference are right, so t = 0.745; of the window, (1 - 0.745) / 0.5 lie above.
    assert found.estimate == pytest.approx(0.51, abs=0.05)


def test_unsure_samples_that_are_unlike_each_other_come_first() -> None:
    """Ten are unsure, nine of them in one place; count 2 looks at the ten least sure."""
    sure = np.r_[0.5, np.linspace(0.51, 0.58, 8), 0.59, np.full(10, 0.99)]
    places = np.r_[np.zeros(9), 100.0, np.arange(10) * 1000.0][:, None]
    listed = worth_labelling(window_of(places, sure), watch_of(), 2)
    assert [worth.id for worth in listed] == ["s0", "s9"]
    assert listed[0].sure["margin"] == pytest.approx(0, abs=1e-6)
    alike = worth_labelling(window_of(np.zeros((4, 2)), np.array([0.9, 0.5, 0.6, 0.7])), watch_of(), 3)
    assert len({worth.id for worth in alike}) == 3
    plain = worth_labelling(window_of(np.empty((3, 0)), np.array([0.9, 0.5, 0.6])), watch_of(), 5)
    assert [worth.id for worth in plain] == ["s1", "s2", "s0"]


def test_a_threshold_of_its_own_is_what_margins_are_measured_from() -> None:
    window = window_of(np.zeros((2, 1)), np.array([0.5, 0.32]))
    sure = watch_of(positive="yes", threshold=0.3).certainty(window.answers)
    assert sure is not None
    assert sure.columns["margin"].tolist() == pytest.approx([0.2, 0.02])


def test_the_list_waits_for_labels() -> None:
    rows = list(
        csv.DictReader(
            io.StringIO(to_csv(worth_labelling(window_of(np.zeros((2, 1))), watch_of(), 2), ["label"]))
        )
    )
    assert [(row["rank"], row["id"], row["label"], row["decision"]) for row in rows] == [
        ("1", "s0", "", "yes"),
        ("2", "s1", "", "yes"),
    ]
