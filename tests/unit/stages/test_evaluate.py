"""evaluate and gate on real pictures, with tiny ONNX networks that look at the brightness."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from brightness import brighter, write_release
from PIL import Image
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score, roc_curve
from training_workspace import Workspace

from components.data.dataset import Dataset
from components.errors import DigestMismatch
from components.evaluation.spread import Plan
from components.params import Params
from components.problems.classification.judge import recalls, roc
from components.problems.classification.judge.metrics import Outcome
from components.stages import evaluate, gate
from components.stages.domains import judged
from components.storage.publish import sha256_tree, write_bytes, write_json

MODELS = ("fp32", "int8", "fp16", "scratch", "majority")


@pytest.fixture
def line(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of its own with a release and controls."""
    write_release(tmp_path, {"model.onnx": 0.02, "model.int8.onnx": 0.01, "model.fp16.onnx": 0.02})
    shutil.copytree(workspace.root / "dataset", tmp_path / "dataset")
    return replace(workspace, root=tmp_path, context=replace(workspace.context, cache=tmp_path / "state"))


def _evaluate(line: Workspace, folder: str = "evaluation") -> Path:
    inputs = line.inputs("dataset", "release", "controls", "source")
    evaluate.run(inputs, line.output("evaluation", folder), line.params, line.context)
    return line.root / folder


def _judge(line: Workspace, params: Params) -> dict[str, object]:
    path = line.root / "verdict.json"
    gate.run(line.inputs("release", "evaluation"), {"verdict.json": path}, params, line.context)
    found: dict[str, object] = json.loads(path.read_text())
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def _brightness(dataset: Dataset) -> np.ndarray:
    pictures = (Image.open(io.BytesIO(dataset.read(i))).convert("RGB") for i in dataset.ids("test"))
    return np.array([np.asarray(picture, dtype=np.float64).mean() for picture in pictures])


def test_metrics_are_those_of_raw_samples_run_through_the_release(line: Workspace) -> None:
    folder = _evaluate(line)
    dataset = Dataset.open(line.root / "dataset")
    targets, light = dataset.targets("test"), 1 / (1 + np.exp(-0.04 * (_brightness(dataset) - 120)))
    metrics = json.loads((folder / "metrics.json").read_text())
    release = metrics["release"]
    assert release == metrics["variants"]["fp32"]
    assert release["accuracy"]["estimate"] == pytest.approx(accuracy_score(targets, light >= 0.5))
    assert release["auroc"]["estimate"] == pytest.approx(roc_auc_score(targets, light))
    assert release["accuracy"]["n"] == metrics["n"] == len(targets)
    table = pq.read_table(folder / "predictions.parquet")
    assert table.column("id").to_pylist() == dataset.ids("test")
    np.testing.assert_allclose(table.column("fp32.p.light").to_numpy(), light, atol=1e-5)
    assert {name.rpartition(".")[0] for name in table.column_names if name.endswith("decision")} == set(
        MODELS
    )


def test_controls_are_measured_and_compared(line: Workspace) -> None:
    metrics = json.loads((_evaluate(line) / "metrics.json").read_text())
    targets = Dataset.open(line.root / "dataset").targets("test")
    assert metrics["controls"]["majority"]["accuracy"]["estimate"] == pytest.approx((targets == 0).mean())
    assert metrics["controls"]["scratch"]["auroc"]["estimate"] == 0
    assert metrics["paired"]["scratch"]["auroc"]["estimate"] == 1
    assert metrics["paired"]["scratch"]["auroc"]["reason"].endswith("wants at least 10 of each")
    assert metrics["paired"]["scratch"]["accuracy"]["low"] > 0.5
    assert metrics["metrics"]["ece"] == {
        "better": "lower",
        "range": [0, 1],
        "interval": "calibration error",
        "measures": "calibration error",
    }
    assert metrics["paired"]["majority"]["balanced_accuracy"]["estimate"] == pytest.approx(
        metrics["release"]["balanced_accuracy"]["estimate"] - 0.5
    )


def test_recalls_of_each_class_are_measured_everywhere(line: Workspace) -> None:
    metrics = json.loads((_evaluate(line) / "metrics.json").read_text())
    dataset = Dataset.open(line.root / "dataset")
    targets, right = dataset.targets("test"), _brightness(dataset) >= 120
    expected = recall_score(targets, right, average=None)
    classes = dataset.description["classes"]
    for index, name in enumerate(classes):
        facts = metrics["release"][f"recall of {name}"]
        assert (facts["estimate"], facts["n"]) == (
            pytest.approx(expected[index]),
            int((targets == index).sum()),
        )
        gain = metrics["paired"]["majority"][f"recall of {name}"]["estimate"]
        assert gain == pytest.approx(expected[index] - (index == 0))
        assert metrics["metrics"][f"recall of {name}"] == {
            "better": "higher",
            "range": [0, 1],
            "interval": "proportion",
            "measures": "true-positive rate",
        }
    rule = {"metric": "recall", "class": classes[1], "at_least": 0.1}
    params = line.params.model_copy(update={"gate": line.params.gate.model_validate({"rules": [rule]})})
    assert _judge(line, params)["rules"][0]["outcome"] == "pass"  # type: ignore[index]


def test_a_slice_has_recalls_of_its_own() -> None:
    """Of the slice b both are wrong, of class y there is none."""
    targets, decisions = np.array([0, 0, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 1, 1])
    outcome = Outcome(targets, np.eye(2)[decisions], decisions)
    slices = {"part": np.array(["a"] * 4 + ["b"] * 2)}
    outcomes = dict.fromkeys(("fp32", "int8", "fp16"), outcome)
    found = evaluate.measure(outcomes, "fp32", slices, Plan(0.95), recalls(("x", "y")))["slices"]
    estimates = {
        name: [facts["estimate"] for facts in held["fp32"].values()]
        for name, held in found.items()  # type: ignore[attr-defined]
    }
    assert estimates == {"part=a": [1.0, 0.5], "part=b": [0.0, None]}


def test_the_plots_say_what_the_metrics_say(line: Workspace) -> None:
    folder = _evaluate(line)
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = _rows(folder / "confusion.csv")
    assert len(rows) == metrics["n"]
    share = np.mean([row["actual"] == row["predicted"] for row in rows])
    assert share == pytest.approx(metrics["release"]["accuracy"]["estimate"])
    bins = _rows(folder / "reliability.csv")
    assert sum(int(row["count"]) for row in bins) == metrics["n"]
    points = _rows(folder / "roc.csv")
    false, true = ([float(row[k]) for row in points] for k in ("false_positive_rate", "true_positive_rate"))
    assert np.trapezoid(true, false) == pytest.approx(metrics["release"]["auroc"]["estimate"])


def test_the_same_input_gives_the_same_bytes(line: Workspace) -> None:
    assert sha256_tree(_evaluate(line, "one")) == sha256_tree(_evaluate(line, "two"))


def test_each_look_at_a_test_side_is_counted_outside_the_outputs(line: Workspace) -> None:
    digest = evaluate.test_digest(Dataset.open(line.root / "dataset").ids("test"))
    assert evaluate.count(line.context.cache, digest) == 0
    _evaluate(line, "one")
    _evaluate(line, "two")
    with (line.context.cache / evaluate.EVALUATIONS).open("a") as log:
        log.write(f'{{"test_digest": "{digest}", "at')  # killed while writing
    assert evaluate.count(line.context.cache, digest) == 2
    assert evaluate.count(line.context.cache, "0" * 64) == 0


def test_a_release_that_was_changed_is_not_evaluated(line: Workspace) -> None:
    write_bytes(line.root / "release" / "model.int8.onnx", brighter(0.5))
    with pytest.raises(DigestMismatch):
        _evaluate(line)


def test_a_good_release_passes_and_the_verdict_names_it(line: Workspace) -> None:
    _evaluate(line)
    verdict = _judge(line, line.params)
    assert verdict["verdict"] == "pass", verdict["rules"]
    assert verdict["release_sha256"] == sha256_tree(line.root / "release")


def test_an_empty_slice_and_a_missed_bound_do_not_pass(line: Workspace) -> None:
    _evaluate(line)
    for rule, expected in (
        ({"metric": "accuracy", "at_least": 0.5, "slice": "type=none"}, "inconclusive"),
        ({"metric": "accuracy", "at_most": 0.5}, "fail"),
    ):
        params = line.params.model_copy(update={"gate": line.params.gate.model_validate({"rules": [rule]})})
        assert _judge(line, params)["verdict"] == expected


def test_an_evaluation_of_another_release_does_not_pass(line: Workspace) -> None:
    _evaluate(line)
    manifest = json.loads((line.root / "release" / "manifest.json").read_text())
    write_json(
        line.root / "release" / "manifest.json",
        {**manifest, "decision": {**manifest["decision"], "threshold": 0.4}},
    )
    assert _judge(line, line.params)["verdict"] == "inconclusive"


def test_roc_is_scikit_learns_and_takes_ties_at_once() -> None:
    draw = np.random.default_rng(0)
    targets, scores = draw.integers(0, 2, 500), draw.integers(0, 12, 500) / 11
    outcome = Outcome(targets, np.stack([1 - scores, scores], axis=1), (scores >= 0.5).astype(np.int64))
    false, true, _ = roc_curve(targets, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc(outcome), np.stack([false, true], axis=1), atol=1e-12)


def test_roc_has_both_ends_and_at_most_200_points() -> None:
    draw = np.random.default_rng(0)
    targets, scores = draw.integers(0, 2, 3000), draw.random(3000)
    outcome = Outcome(targets, np.stack([1 - scores, scores], axis=1), (scores >= 0.5).astype(np.int64))
    points = roc(outcome)
    assert len(points) <= 200
    assert (tuple(points[0]), tuple(points[-1])) == ((0.0, 0.0), (1.0, 1.0))


def test_samples_without_a_group_are_units_of_their_own(line: Workspace) -> None:
    dataset = Dataset.open(line.root / "dataset")
    assert evaluate.groups_of(dataset, judged(dataset, line.params.domains).ids) is None


def test_the_network_of_these_tests_is_valid() -> None:
    onnx.checker.check_model(onnx.load_from_string(brighter(0.1)))
