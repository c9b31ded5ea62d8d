"""From pictures and a table to a verdict: nothing on the way takes a number for a class."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from line import make

from components.data.dataset import Dataset
from components.evaluation.promotion import Pair, mcnemar
from components.inference.bundle import open_bundle
from components.params import Params
from components.problems import judge
from components.problems.regression.watch import Watch
from components.stages.advise import advise
from components.stages.label_report import label_report
from components.stages.report import report
from components.stages.table import Context
from components.tracker import NullTracker


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    """Two numbers of different units and ranges, quantiles, and a rule about one of them."""
    root = tmp_path_factory.mktemp("line")
    labels = {"file": "table.csv", "label": ["bright", "dark"], "slices": ["kind"]}
    task = {"loss": "quantile", "unit": {"bright": "%", "dark": "mm"}, "range": {"dark": [-50, 1050]}}
    rules = [
        {"metric": "mae", "at_most": 25, "by": "estimate"},
        {"metric": "coverage", "at_least": 0.5},
        {"metric": "coverage", "at_least": 0.5, "number": "dark"},
        {"metric": "mae", "at_most": 250, "number": "dark"},
    ]
    return root, make(root, {"data": {"labels": labels}, "task": task, "gate": {"rules": rules}})


def read(root: Path, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / name).read_text())
    return found


def test_the_verdict_is_a_pass_by_regression_s_metrics(line: tuple[Path, Params]) -> None:
    root, _ = line
    verdict = read(root, "verdict.json")
    assert verdict["verdict"] == "pass", verdict
    metrics = read(root, "evaluation/metrics.json")
    assert metrics["constants"] == ["mean", "median"]
    assert metrics["metrics"]["rmse"] == {
        "better": "lower",
        "range": [0.0, None],
        "interval": "root mean square",
    }  # type: ignore[index]
    assert metrics["release"]["mae"]["estimate"] < 0.5 * metrics["controls"]["mean"]["mae"]["estimate"]  # type: ignore[index]


def test_each_number_has_its_unit_its_range_and_its_intervals(line: tuple[Path, Params]) -> None:
    root, params = line
    numbers = read(root, "dataset/dataset.json")["target"]["numbers"]  # type: ignore[index]
    assert [(one["unit"], one["range"]) for one in numbers] == [("%", None), ("mm", [-50.0, 1050.0])]
    release, metrics = open_bundle(root / "release"), read(root, "evaluation/metrics.json")
    assert release.decision.promises["units"] == ["%", "mm"]
    dark, bright = (metrics["release"][f"mae of {name}"] for name in ("dark", "bright"))  # type: ignore[index]
    assert dark["estimate"] > 5 * bright["estimate"], "a tenth of a percent is a millimetre"
    assert dark["low"] < dark["estimate"] < dark["high"]
    each = [metrics["release"][f"coverage of {name}"]["estimate"] for name in ("bright", "dark")]  # type: ignore[index]
    assert metrics["release"]["coverage"]["estimate"] == min(each)  # type: ignore[index]
    judged = [rule["rule"] for rule in read(root, "verdict.json")["rules"]]  # type: ignore[index,attr-defined]
    assert {"coverage of dark at least 0.5", "mae of dark at most 250"} <= set(judged)
    page = report(root, params, Context(NullTracker(), root / ".graftline", 1, ("cpu",)), pictures=False)
    assert "dark (mm)" in page.read_text()
    assert Watch(params.task, release.contract.target, release.decision).allowed == (
        "Allowed: numbers (bright, dark from -50 to 1050), written as 0.5 or 1e-3."
    )


def test_predictions_are_what_the_release_says_of_raw_samples(line: tuple[Path, Params]) -> None:
    root, params = line
    bundle, dataset = open_bundle(root / "release"), Dataset.open(root / "dataset")
    ids = dataset.ids("test")
    payloads = [dataset.read(name) for name in ids]
    rows = bundle.runner(("cpu",), 1).rows(payloads, bundle.assembly.windows)
    answers = np.stack([found[0] for found, _ in rows])
    kept = pq.read_table(root / "evaluation" / "predictions.parquet")
    for name, values in bundle.decision.written(answers).items():
        np.testing.assert_allclose(kept.column(f"fp32.{name}").to_numpy(), values, rtol=1e-4)
    judging = judge(params.task, dataset.description)
    columns = {name: kept.column(f"fp32.{name}").to_numpy() for name in bundle.decision.columns}
    outcome = judging.restored({"target": np.array(kept.column("target").to_pylist()), **columns})
    rmse = read(root, "evaluation/metrics.json")["release"]["rmse"]["estimate"]  # type: ignore[index]
    assert judging.metrics["rmse"].of(outcome) == pytest.approx(rmse)
    pair = Pair(outcome, outcome, {}, judging)
    assert pair.alike
    assert mcnemar(pair).p == 1.0


def test_the_contract_outlives_newer_statistics(line: tuple[Path, Params]) -> None:
    contract = open_bundle(line[0] / "release").contract
    moved = {**contract.target, "statistics": {"mean": [1.0, 2.0], "scale": [3.0, 4.0]}}
    assert contract.model_copy(update={"target": moved}).sha256 == contract.sha256
    wider = {**contract.target, "numbers": contract.target["numbers"][::-1]}  # type: ignore[index]
    assert contract.model_copy(update={"target": wider}).sha256 != contract.sha256


def test_tables_for_plots(line: tuple[Path, Params]) -> None:
    root, _ = line
    with (root / "evaluation" / "residuals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(Dataset.open(root / "dataset").ids("test"))
    assert {row["number"] for row in rows} == {"bright", "dark"}


def test_the_report_shows_residuals_and_the_largest_errors(line: tuple[Path, Params]) -> None:
    root, params = line
    page = report(root, params, Context(NullTracker(), root / ".graftline", 1, ("cpu",))).read_text()
    assert "Prediction over target of" in page
    assert "The largest errors on the test side." in page
    assert "Confusion matrix" not in page
    assert page.count("data:image") >= 12


def test_the_report_on_labels_lists_residuals_far_off(line: tuple[Path, Params]) -> None:
    root, params = line
    found = label_report(root, params)
    assert found.columns[0] == "number"
    dataset = Dataset.open(root / "dataset")
    assert found.samples == len(dataset) - len(dataset.ids("test"))
    assert {doubt.id for doubt in found.doubts} <= {*dataset.ids()} - {*dataset.ids("test")}


def test_advise_looks_at_numbers_and_says_what_is_not_defined_for_them(line: tuple[Path, Params]) -> None:
    root, params = line
    said = list(advise(root, params, Context(NullTracker(), root / ".graftline", 1, ("cpu",))))
    assert said[0] == f"Training samples: {len(Dataset.open(root / 'dataset').ids('train'))}"
    (row,) = (one.split() for one in said if one.startswith("transformers/resnet"))
    assert float(row[2]) > -5
    assert (row[3], row[4]) == ("-", "-")
    assert float(row[5]) > 0.3, "brightness is what the network sees best"
    assert any(one.startswith("H-score and LEEP are not defined for regression") for one in said)
    assert not any(
        "prototypes" in one or "best_by: balanced" in one for one in said[: said.index("The rule")]
    )
