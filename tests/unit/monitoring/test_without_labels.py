"""Accuracy without labels, and with them; and which samples to label."""

import csv
import io

import numpy as np
import pytest
from windows_of import window_of

from components.monitoring.accuracy import estimated, measured, threshold
from components.monitoring.labels import margin, to_csv, worth_labelling


def test_the_threshold_leaves_as_many_below_as_are_wrong() -> None:
    """Two of five are wrong: 0.6 and 0.7 lie below the threshold 0.8."""
    confidence = np.array([0.9, 0.6, 0.8, 0.7, 0.95])
    right = np.array([True, False, True, True, False])
    assert threshold(confidence, right) == 0.8
    assert threshold(confidence, np.ones(5, dtype=bool)) == 0.6
    assert (confidence >= threshold(confidence, np.zeros(5, dtype=bool))).mean() == 0.0
    found = estimated(confidence, right, np.array([0.5, 0.8, 0.85, 0.99]), 0.9, np.random.default_rng(0))
    assert (found.estimate, found.samples) == (0.75, 4)
    assert 0 <= found.low <= 0.75 <= found.high <= 1


def test_the_estimate_follows_the_accuracy_where_confidence_keeps_its_meaning() -> None:
    """Confidence c is right with probability c; the window has more of the unsure."""
    draw = np.random.default_rng(1)
    reference, window = draw.uniform(0.7, 1, 4000), draw.uniform(0.5, 1, 4000)
    right = draw.random(4000) < reference
    found = estimated(reference, right, window, 0.95, draw)
    # 0.85 of the reference are right, so t = 0.745; of the window, (1 - 0.745) / 0.5 lie above.
    assert found.estimate == pytest.approx(0.51, abs=0.05)


def test_measured_accuracy_has_wilson_s_interval() -> None:
    """8 of 10 at 95 %: (0.8 + z²/20 ± z √(0.016 + z²/400)) / (1 + z²/10), z = 1.95996: 0.4902 to 0.9433."""
    found = measured(np.array([True] * 8 + [False] * 2), 0.95)
    assert (found.estimate, found.samples) == (0.8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_unsure_samples_that_are_unlike_each_other_come_first() -> None:
    """Ten are unsure, nine of them in one place; count 2 looks at the ten least sure."""
    sure = np.r_[0.5, np.linspace(0.51, 0.58, 8), 0.59, np.full(10, 0.99)]
    places = np.r_[np.zeros(9), 100.0, np.arange(10) * 1000.0][:, None]
    listed = worth_labelling(window_of(places, sure), 2)
    assert [worth.id for worth in listed] == ["s0", "s9"]
    assert listed[0].margin == pytest.approx(0, abs=1e-6)
    alike = worth_labelling(window_of(np.zeros((4, 2)), np.array([0.9, 0.5, 0.6, 0.7])), 3)
    assert len({worth.id for worth in alike}) == 3
    plain = worth_labelling(window_of(np.empty((3, 0)), np.array([0.9, 0.5, 0.6])), 5)
    assert [worth.id for worth in plain] == ["s1", "s2", "s0"]


def test_a_threshold_of_its_own_is_what_margins_are_measured_from() -> None:
    window = window_of(np.zeros((2, 1)), np.array([0.5, 0.32]), positive=1, threshold=0.3)
    assert margin(window).tolist() == pytest.approx([0.2, 0.02])


def test_the_list_waits_for_labels() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(worth_labelling(window_of(np.zeros((2, 1))), 2)))))
    assert [(row["rank"], row["id"], row["label"], row["decision"]) for row in rows] == [
        ("1", "s0", "", "yes"),
        ("2", "s1", "", "yes"),
    ]
