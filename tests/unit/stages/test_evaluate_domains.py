"""A release for the night: judged by night, compared with the network of the day, and asked what it forgot of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from brightness import brighter, write_release
from two_domains import two_domains

from components.data.dataset import Dataset
from components.params import Params
from components.stages import evaluate, gate
from components.stages.table import Context
from components.storage.publish import write_bytes
from components.tracker import NullTracker

DOMAINS = {"source": ["day"], "target": ["night"]}
RULES = {"rules": [{"metric": "accuracy", "at_least": 0.5}], "parity": {"max_difference": 1e-3}}
FAIR = {"columns": ["domain"], "metric": "accuracy", "worst_at_least": 0.5, "tpr_gap_at_most": 0.8}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    """A workspace whose source network is as good as its release."""
    root = tmp_path_factory.mktemp("night")
    params = two_domains(
        root, domains=DOMAINS, gate={**RULES, "forgetting": {"at_most": 0.05}, "fairness": FAIR}
    )
    training = {"overfitting": {"accuracy_gap": 0.01}, "movement": {"features_cka": 0.9}}
    models = dict.fromkeys(("model.onnx", "model.int8.onnx", "model.fp16.onnx"), 0.02)
    write_release(root, models, training=training)
    return root, params


def _evaluated(line: tuple[Path, Params], slope: float, folder: str) -> tuple[dict, dict]:  # type: ignore[type-arg]
    """Metrics and verdict where the network of the day is `slope`."""
    root, params = line
    write_bytes(root / "source" / "source.onnx", brighter(slope))
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    inputs = {name: root / name for name in ("dataset", "release", "controls", "source")}
    (root / folder).mkdir()
    evaluate.run(inputs, {"evaluation": root / folder}, params, context)
    verdict = root / f"{folder}.json"
    judged = {"release": root / "release", "evaluation": root / folder}
    gate.run(judged, {"verdict.json": verdict}, params, context)
    return json.loads((root / folder / "metrics.json").read_text()), json.loads(verdict.read_text())


def test_the_target_is_judged_and_the_source_compared(line: tuple[Path, Params]) -> None:
    metrics, verdict = _evaluated(line, -0.02, "worse-before")
    dataset = Dataset.open(line[0] / "dataset")
    rows = list(zip(dataset.domains("test"), dataset.targets("test"), strict=True))
    assert metrics["n"] == sum(domain == "night" and target >= 0 for domain, target in rows)
    assert metrics["source"]["n"] == sum(domain == "day" and target >= 0 for domain, target in rows)
    assert metrics["source"]["domains"] == ["day"]
    assert metrics["source"]["before"]["accuracy"]["estimate"] == 0
    assert metrics["source"]["after"]["accuracy"]["estimate"] == 1
    gain = metrics["paired"]["source_only"]["balanced_accuracy"]
    assert gain["estimate"] == pytest.approx(1)
    assert 0 < gain["low"] < 1, "15 samples cannot show that all others would be gained, too"
    assert metrics["training"]["movement"]["features_cka"] == 0.9
    outcomes = {rule["kind"]: rule["outcome"] for rule in verdict["rules"]}
    assert outcomes["forgetting"] == "pass"
    assert verdict["verdict"] == "pass", verdict["rules"]


def test_the_source_is_a_group_beside_the_target(line: tuple[Path, Params]) -> None:
    """The test side is the target's alone; what the release still does on the source is measured on its own."""
    metrics, verdict = _evaluated(line, -0.02, "groups")
    (target,), (source,) = metrics["slices"], metrics["source"]["slices"]
    assert (target, source) == ("domain=night", "domain=day")
    assert metrics["slices"][target]["fp32"]["accuracy"]["n"] == metrics["n"]
    assert metrics["source"]["slices"][source]["fp32"]["accuracy"]["n"] == metrics["source"]["n"]
    (column,) = verdict["fairness"]
    assert {group["group"] for group in column["groups"]} == {"day", "night"}
    rules = {rule["rule"]: rule["outcome"] for rule in verdict["rules"] if rule["kind"] == "fairness"}
    assert rules == {
        "accuracy of the worst group of domain at least 0.5": "pass",
        "difference of recall of dark between groups of domain at most 0.8": "pass",
        "difference of recall of light between groups of domain at most 0.8": "pass",
    }


def test_negative_transfer_is_stopped_by_the_gate(line: tuple[Path, Params]) -> None:
    """No better than the network that never saw the target: not releasable."""
    metrics, verdict = _evaluated(line, 0.02, "as-good-before")
    assert metrics["paired"]["source_only"]["balanced_accuracy"]["estimate"] == 0
    (rule,) = [rule for rule in verdict["rules"] if "source_only" in rule["rule"]]
    assert rule["outcome"] != "pass"
    assert verdict["verdict"] != "pass"


def test_predictions_are_the_targets_alone(line: tuple[Path, Params]) -> None:
    import pyarrow.parquet as pq

    root, _ = line
    if not (root / "worse-before").exists():
        _evaluated(line, -0.02, "worse-before")
    table = pq.read_table(root / "worse-before" / "predictions.parquet")
    dataset = Dataset.open(root / "dataset")
    domains = dict(zip(dataset.ids("test"), dataset.domains("test"), strict=True))
    assert {domains[i] for i in table.column("id").to_pylist()} == {"night"}
    assert np.all(np.array(table.column("target")) >= 0)
