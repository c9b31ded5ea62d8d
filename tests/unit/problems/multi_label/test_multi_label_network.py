"""Loss, decision, heads and the baseline."""

import io

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from components.errors import DataError, EvaluationError
from components.export.onnx_file import export_module
from components.heads import NAMES, load_head
from components.heads.base import Samples, standardisation
from components.params.combinations import combinations
from components.params.learning import HeadParams, SelectParams
from components.params.task import TaskParams
from components.problems.multi_label.baseline import Baseline
from components.problems.multi_label.decision import Decision, negative_log_likelihood
from components.problems.multi_label.network import Network
from components.training.seeds import deterministic

DESCRIPTION = {"problem": "multi_label", "labels": ["a", "b", "c"]}
TASK = TaskParams(modality="text", problem="multi_label")


def network() -> Network:
    return Network(TASK, DESCRIPTION)


def samples(count: int = 300, seed: int = 0) -> Samples:
    """Each label depends on two features of its own; the third is rare."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(count, 6)).astype(np.float32)
    scores = features[:, ::2] + features[:, 1::2] - np.array([0.0, 0.5, 1.5])
    return Samples(features, (scores + 0.3 * draw.normal(size=(count, 3)) > 0).astype(np.int8), network())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_adds_up_over_labels(smoothing: float) -> None:
    outputs = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0]], dtype=torch.int8)
    sums, counts = network().loss(outputs, targets, smoothing)
    for row in range(5):
        expected = 0.0
        for label in range(3):
            y = float(targets[row, label]) * (1 - smoothing) + smoothing / 2
            p = float(expit(outputs[row, label].item()))
            expected -= y * np.log(p) + (1 - y) * np.log(1 - p)
        assert float(sums[row]) == pytest.approx(expected)
    assert counts.tolist() == [3.0] * 5


def test_a_sample_scores_where_all_its_labels_are_right() -> None:
    outputs = torch.tensor([[1.0, -1.0, -1.0], [1.0, 1.0, -1.0]])
    found = network().scores(outputs, torch.tensor([[1, 0, 0], [1, 0, 0]]))
    assert found["subset_accuracy"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("wrong", [np.array([[0, 1, -1]]), np.array([[0, 1]]), np.array([1, 0, 1])])
def test_targets_that_are_not_zeros_and_ones(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="0 or 1 for each of 3 labels"):
        network().columns(wrong)


@pytest.mark.parametrize("method", [name for name in NAMES if name != "prototypes"])
def test_heads_decide_each_label(method: str) -> None:
    training, held = samples(), samples(seed=1)
    head = load_head(HeadParams(method=method, l2=(1e-2,), neighbours=(15,), components=128, hidden=16), 0)
    with deterministic(1):
        _, state = next(head.fits(training, held))
    with torch.inference_mode():
        outputs = head.module(state)(torch.from_numpy(held.features).double()).numpy()
    right = ((outputs >= 0) == (held.targets == 1)).mean(axis=0)
    usual = np.maximum(held.targets.mean(axis=0), 1 - held.targets.mean(axis=0))
    assert (right > usual + 0.02).all(), (right, usual)
    # Logits: their sigmoid is a probability that is not far from calibrated.
    assert np.abs(expit(outputs).mean(axis=0) - held.targets.mean(axis=0)).max() < 0.08


def test_logistic_regression_is_one_against_the_rest() -> None:
    training = samples()
    weights = np.random.default_rng(2).random(len(training.targets))
    training = Samples(training.features, training.targets, training.problem, weights)
    (_, state), *_ = load_head(HeadParams(method="logistic", l2=(1e-2,)), 0).fits(training, training)
    _, scale = standardisation(training)
    for label in range(3):
        model = LogisticRegression(C=1 / (1e-2 * scale**2 * weights.sum()), tol=1e-8, max_iter=1000)
        model.fit(training.features.astype(np.float64), training.targets[:, label], sample_weight=weights)
        np.testing.assert_allclose(state["weight"][label].numpy(), model.coef_[0], atol=2e-3)
        np.testing.assert_allclose(state["bias"][label].item(), model.intercept_[0], atol=2e-3)


def test_neighbours_vote_for_and_against() -> None:
    features = np.array([[0.0], [0.1], [0.2], [5.0]], dtype=np.float32)
    training = Samples(features, np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]), network())
    (_, state), *_ = load_head(HeadParams(method="neighbours", neighbours=(3,)), 0).fits(training, training)
    outputs = load_head(HeadParams(method="neighbours"), 0).module(state)(torch.tensor([[0.1]]).double())
    np.testing.assert_allclose(expit(outputs.numpy()), [[3 / 5, 3 / 5, 1 / 5]], rtol=1e-6)


def fitted(**threshold: object) -> tuple[Decision, dict[str, np.ndarray], dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    outputs, targets = {}, {}
    for split in ("validation", "calibration"):
        logits = draw.normal(size=(400, 3)) * 2 - np.array([0, 1, 2])
        targets[split] = (draw.random((400, 3)) < expit(logits)).astype(np.int8)
        outputs[split] = 3 * logits  # three times too sure
    select = SelectParams.model_validate({"threshold": threshold} if threshold else {})
    found = Decision.fit(TASK, DESCRIPTION, outputs, targets, select)
    return Decision(TASK, DESCRIPTION, found), outputs, targets


def test_one_temperature_cools_all_labels() -> None:
    decision, outputs, targets = fitted()
    assert decision.temperature == pytest.approx(3.0, rel=0.1)
    held = decision.fitted["calibration"]
    assert held["nll_after"] < held["nll_before"]
    assert held["nll_before"] == pytest.approx(
        float(
            F.binary_cross_entropy_with_logits(
                torch.from_numpy(outputs["calibration"]), torch.from_numpy(targets["calibration"]).double()
            )
        )
    )
    assert negative_log_likelihood(np.array([[0.0]]), np.array([[1]])) == pytest.approx(np.log(2))
    assert decision.thresholds.tolist() == [0.5] * 3


def test_each_label_has_its_threshold() -> None:
    decision, outputs, targets = fitted(rule="recall_at_least", value=0.9)
    decided = decision(decision.answers(outputs["validation"]))
    there = targets["validation"] == 1
    recalls = (decided.astype(bool) & there).sum(axis=0) / there.sum(axis=0)
    assert (recalls >= 0.9).all()
    assert (recalls < 0.93).all()
    assert len(set(decision.thresholds.tolist())) == 3
    assert decision.promises == {"thresholds": decision.thresholds.tolist()}


def test_a_label_whose_threshold_cannot_be_chosen_is_named() -> None:
    _, outputs, targets = fitted()
    targets["validation"][:, 1] = 0
    select = SelectParams.model_validate({"threshold": {"rule": "best_f1"}})
    with pytest.raises(EvaluationError, match="Label 'b': The validation side holds one class only"):
        Decision.fit(TASK, DESCRIPTION, outputs, targets, select)


def test_the_graph_answers_as_numpy_does() -> None:
    decision, outputs, _ = fitted()
    logits = torch.from_numpy(outputs["validation"][:7]).float()
    model = export_module(decision.module().eval(), (logits,), ["x"], ["y"], {"x": {0: "batch"}})
    session = onnxruntime.InferenceSession(io.BytesIO(model).getvalue(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"x": logits.numpy()})[0]
    np.testing.assert_allclose(found, decision.answers(outputs["validation"][:7]), atol=1e-6)
    assert decision.same(decision(found), decision(decision.answers(outputs["validation"][:7]))).all()


def test_decisions_are_written_as_names() -> None:
    decision = Decision(TASK, DESCRIPTION, {"thresholds": [0.5, 0.2, 0.9]})
    answers = np.array([[0.5, 0.1, 0.95], [0.1, 0.1, 0.1]], dtype=np.float32)
    written = decision.written(answers)
    assert written["decision"] == [["a", "c"], []]
    assert list(written) == ["p.a", "p.b", "p.c", "decision"]
    assert decision.same(decision(answers), np.array([[1, 0, 1], [0, 1, 0]])).tolist() == [True, False]


@pytest.mark.parametrize("thresholds", [[0.5], [0.5, 0.5, 1.5], [0.5, 0.5, float("nan")]])
def test_thresholds_that_make_no_sense(thresholds: list[float]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Decision(TASK, DESCRIPTION, {"thresholds": thresholds})


def test_the_baseline_is_scikit_learn_s_one_against_the_rest() -> None:
    held = samples()
    model = Baseline(DESCRIPTION)
    found = model.answers(model.fit(held.features, held.targets, 0), held.features)
    for label in range(3):
        oracle = LogisticRegression(C=10.0, max_iter=1000, random_state=0).fit(
            held.features, held.targets[:, label]
        )
        np.testing.assert_allclose(found[:, label], oracle.predict_proba(held.features)[:, 1], atol=1e-6)


def test_prototypes_need_classes() -> None:
    wrong = combinations({"task": TASK, "head": HeadParams(method="prototypes")})
    assert [line.split(";")[0] for line in wrong] == [
        "head.method 'prototypes' needs classes: task.problem: classification"
    ]
    assert combinations({"task": TASK, "head": HeadParams(method="logistic")}) == []
