"""The whole line on small pictures: from a table with labels in one cell to a decision out of the released graph."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from labelled_line import PICTURES, params_of, run_line, write_pictures

from components.data.dataset import Dataset
from components.inference.bundle import open_bundle
from components.stages import evaluate
from components.stages.advise import advise
from components.stages.label_report import label_report
from components.stages.report import report


@dataclass
class Looks:
    """What is read of samples, and of whose labels, until `evaluate` begins."""

    samples: set[str] = field(default_factory=set)
    splits: set[str | None] = field(default_factory=set)  # None: of all
    over: bool = False


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found, read, labels, begins = Looks(), Dataset.read, Dataset.labels, evaluate.run

    def reading(dataset: Dataset, sample: str) -> bytes:
        found.samples |= set() if found.over else {sample}
        return read(dataset, sample)

    def labelling(dataset: Dataset, split: str | None = None) -> list[str]:
        found.splits |= set() if found.over else {split}
        return labels(dataset, split)

    def evaluating(*given: Any) -> None:
        found.over = True
        begins(*given)

    monkeypatch.setattr(Dataset, "read", reading)
    monkeypatch.setattr(Dataset, "labels", labelling)
    monkeypatch.setattr(evaluate, "run", evaluating)
    return found


@pytest.mark.slow
def test_labels_go_through_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: Looks) -> None:
    monkeypatch.setenv("GRAFTLINE_HOME", str(tmp_path / "home"))
    write_pictures(tmp_path / "pictures")
    params = params_of(tmp_path / "pictures")
    context = run_line(tmp_path, params)

    dataset = Dataset.open(tmp_path / "dataset")
    # No stage but `evaluate` looks at a test sample, or at its label.
    assert looks.over
    assert looks.samples == {*dataset.ids()} - {*dataset.ids("test")}
    assert looks.splits == {"train", "validation", "calibration"}
    counts = json.loads((tmp_path / "dataset" / "report.json").read_text())["targets"]
    assert (counts["light"], counts["no label"]) == (PICTURES // 2, PICTURES // 3)
    assert dataset.description == {"problem": "multi_label", "labels": ["light", "striped"]}
    metrics = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert metrics["release"]["macro_f1"]["estimate"] > 0.8
    assert set(metrics["constants"]) == {"majority", "every_label"}
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "pass"

    # What was evaluated is what the bundle answers, and what is written for users are names.
    bundle = open_bundle(tmp_path / "release")
    ids = dataset.ids("test")
    answered = bundle.runner(["cpu"], 1).rows((dataset.read(i) for i in ids), bundle.assembly.windows)
    rows = [found[0] for found, _ in answered]
    answers = np.stack(list(rows))
    kept = pq.read_table(tmp_path / "evaluation" / "predictions.parquet")
    np.testing.assert_array_equal(bundle.decision(answers), kept.column("fp32.decision").to_pylist())
    named = bundle.decision.written(answers)["decision"]
    assert set(map(tuple, named)) <= {(), ("light",), ("striped",), ("light", "striped")}
    assert bundle.contract.decides.promises == {"thresholds": bundle.decision.thresholds.tolist()}

    page = report(tmp_path, params, context).read_text()
    assert "<h2>Worst mistakes</h2>" in page
    assert "Precision and recall of" in page
    assert "Mean average precision" in page

    found = label_report(tmp_path, params)
    assert found.samples == PICTURES - len(ids)
    assert {doubt.cells[0] for doubt in found.doubts} <= {"light", "striped"}
    assert "label that looks absent" in page

    said = list(advise(tmp_path, params, context))
    assert re.match(r"Training samples: \d+ \((light|striped) \d+, (light|striped) \d+\)$", said[0])
    (row,) = (one.split() for one in said if one.startswith("transformers/resnet"))
    assert 0 < float(row[3]) <= 1, "H-score of two sides, the mean over labels"
    assert float(row[5]) > 0.5
    assert any("k-NN: balanced accuracy, mean over labels of the five nearest" in one for one in said)
    assert not any("prototypes" in one for one in said[: said.index("The rule")])
