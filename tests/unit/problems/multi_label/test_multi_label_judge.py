"""Metrics against scikit-learn's, tables, constants, and what evaluation keeps."""

import numpy as np
import pytest
from scipy.stats import beta
from sklearn import metrics as oracle

from components.evaluation.fairness import fair
from components.evaluation.intervals import intervals
from components.evaluation.spread import Plan
from components.inference.contract import FILES
from components.params.fairness import FairnessParams
from components.params.task import TaskParams
from components.problems.multi_label.judge import TABLE, Judge
from components.problems.multi_label.judge.metrics import Outcome
from components.problems.multi_label.judge.tables import reliability
from components.stages.evaluate import measure

DESCRIPTION = {"problem": "multi_label", "labels": ["a", "b", "c"]}


def drawn(seed: int = 0, samples: int = 200, labels: int = 3) -> Outcome:
    draw = np.random.default_rng(seed)
    targets = (draw.random((samples, labels)) < [0.5, 0.2, 0.1][:labels]).astype(np.int8)
    scores = np.clip(0.4 * targets + draw.random((samples, labels)) * 0.6, 0, 1)
    return Outcome(targets, scores.round(2), (scores >= 0.5).astype(np.int8))


def judge() -> Judge:
    return Judge(TaskParams(modality="text", problem="multi_label"), DESCRIPTION)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_scikit_learn_s(seed: int) -> None:
    outcome = drawn(seed)
    t, d, p = outcome.targets, outcome.decisions, outcome.probabilities
    expected = {
        "macro_f1": oracle.f1_score(t, d, average="macro"),
        "micro_f1": oracle.f1_score(t, d, average="micro"),
        "map": oracle.average_precision_score(t, p, average="macro"),
        "subset_accuracy": oracle.accuracy_score(t, d),
        "hamming_loss": oracle.hamming_loss(t, d),
        "ece": np.mean([by_hand(t[:, label], p[:, label]) for label in range(t.shape[1])]),
    }
    assert {name: metric.of(outcome) for name, metric in TABLE.items()} == pytest.approx(expected)


def by_hand(there: np.ndarray, said: np.ndarray) -> float:
    """The calibration error of one label: 15 bins, each with its upper edge."""
    total = 0.0
    for number in range(15):
        held = (said > number / 15) & (said <= (number + 1) / 15) | (said == 0) & (number == 0)
        total += held.sum() / len(said) * abs(there[held].mean() - said[held].mean()) if held.any() else 0.0
    return total


def test_labels_that_are_off_to_both_sides_do_not_make_up_for_each_other() -> None:
    """One label is said with 0.5 and never there, the other always: 0.5 each, and 0 of both together."""
    targets = np.repeat(np.array([[0, 1]], dtype=np.int8), 40, axis=0)
    outcome = Outcome(targets, np.full((40, 2), 0.5), targets)
    assert TABLE["ece"].of(outcome) == 0.5
    assert reliability(outcome) == [(0.5, 0.5, 80)]


def test_a_gap_in_calibration_between_groups_is_judged() -> None:
    """One group is calibrated, of the other every probability is 0.4 too high."""
    draw, groups = np.random.default_rng(0), np.repeat(["a", "b"], 600)
    probabilities = draw.uniform(0.4, 1, (1200, 3))
    true = probabilities - 0.4 * (groups == "b")[:, None]
    outcome = Outcome(
        (draw.random((1200, 3)) < true).astype(np.int8), probabilities, np.ones((1200, 3), np.int8)
    )
    measured = measure(dict.fromkeys(FILES, outcome), "fp32", {"kind": groups}, Plan(0.95), judge().metrics)
    for bound, verdict in ((0.2, "fail"), (0.55, "pass")):
        asked = FairnessParams(columns=("kind",), metric="macro_f1", calibration_gap_at_most=bound)
        (rule,) = fair(asked, "fp32", measured)
        assert (rule.metric, rule.outcome) == ("ece", verdict), rule


def test_undefined_is_not_a_number() -> None:
    nothing = Outcome(*(np.zeros((4, 2)) for _ in range(3)))
    values = {name: metric.of(nothing) for name, metric in TABLE.items()}
    assert [name for name, value in values.items() if np.isnan(value)] == ["macro_f1", "micro_f1", "map"]
    broken = Outcome(np.ones((1, 1)), np.array([[np.nan]]), np.ones((1, 1)))
    assert all(np.isnan(metric.of(broken)) for metric in TABLE.values())


def test_constants() -> None:
    targets = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [1, 0, 0]])
    assert judge().constants(targets) == {"majority": [1.0, 0.0, 0.0], "every_label": [1.0, 1.0, 1.0]}


def test_fewer_wrong_labels_are_better() -> None:
    targets = np.zeros((4, 3), dtype=np.int8)
    one, other = targets.copy(), targets.copy()
    one[0, 0] = other[0, 1] = 1  # one wrong each
    one[1, :2] = other[1, 0] = 1  # two, one
    other[2, 0] = 1
    ours, theirs = (Outcome(targets, targets.astype(float), d).correct for d in (one, other))
    assert np.sign(ours - theirs).tolist() == [0, -1, 1, 0]


def test_what_is_kept_is_restored() -> None:
    outcome = drawn(3)
    kept = {"target": outcome.targets, **judge().columns(outcome)}
    rows = {n: np.array(list(v), dtype=object) if np.ndim(v) == 2 else np.asarray(v) for n, v in kept.items()}
    restored = judge().restored(rows)
    for name in ("targets", "probabilities", "decisions"):
        np.testing.assert_array_equal(getattr(restored, name), getattr(outcome, name))


def test_tables_for_plots() -> None:
    targets = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 1]], dtype=np.int8)
    scores = np.array([[0.9, 0.1, 0.2], [0.4, 0.2, 0.8], [0.1, 0.7, 0.7], [0.3, 0.9, 0.9]])
    outcome = Outcome(targets, scores, (scores >= 0.5).astype(np.int8))
    made = judge().tables(outcome)
    assert [row[:6] for row in made["labels.csv"][1]] == [
        ("a", 2, 1, 1, 1.0, 0.5),
        ("b", 2, 2, 2, 1.0, 1.0),
        ("c", 2, 3, 1, pytest.approx(1 / 3), 0.5),
    ]
    assert judge().facts(outcome)["worst_label"] == "c"
    assert made["precision_recall.csv"][1] == [
        (0.5, 1.0),
        (0.5, 0.5),
        (0.5, pytest.approx(1 / 3)),
        (1.0, 0.5),
    ]
    rows = made["reliability.csv"][1]
    assert sum(row[2] for row in rows) == 12
    assert all(0 <= share <= 1 for _, share, _ in rows)


def test_the_recall_of_a_label_is_a_metric_of_its_samples() -> None:
    outcome = drawn(2)
    found = intervals(outcome, Plan(0.95), judge().metrics)
    for index, name in enumerate("abc"):
        there = outcome.targets[:, index] == 1
        right = int((outcome.decisions[there, index] == 1).sum())
        recall = found[f"recall of {name}"]
        assert (recall.estimate, recall.n) == (pytest.approx(right / there.sum()), there.sum())
        assert recall.low == pytest.approx(beta.ppf(0.025, right, there.sum() - right + 1))
        assert judge().metrics[f"recall of {name}"].as_json()["measures"] == "true-positive rate"
    nobody = Outcome(np.zeros((4, 3), np.int8), np.zeros((4, 3)), np.zeros((4, 3), np.int8))
    assert (
        intervals(nobody, Plan(0.95), judge().metrics)["recall of b"].reason == "no sample has the label 'b'"
    )
