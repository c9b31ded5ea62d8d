"""Texts with numbers and texts with several labels: every stage, the report, and scoring from the bundle."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.metrics import f1_score
from text_lines import PROBLEMS, TOPICS, run_line

from components.data.dataset import Dataset
from components.inference.bundle import open_bundle
from components.params import Params
from components.params.plugins import best
from components.params.scoring import read_job
from components.params.space import load_space
from components.registry.runs import begin_run
from components.stages.report import report
from components.stages.score import Scoring
from components.stages.table import Context
from flows.search import Search, planned, scorer, sweep_run

pytestmark = pytest.mark.slow
HEADINGS = {"regression": "Prediction over target of", "multi_label": "Precision and recall of"}
# Metrics of which more is better, and of which less is.
DIRECTIONS = {"regression": ("r2", "rmse"), "multi_label": ("macro_f1", "hamming_loss")}


@dataclass(frozen=True)
class Line:
    root: Path
    problem: str
    params: Params
    context: Context

    def read(self, name: str) -> dict:
        return json.loads((self.root / name).read_text())


@pytest.fixture(scope="module", params=list(PROBLEMS))
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """After all of its stages."""
    root = tmp_path_factory.mktemp(request.param)
    return Line(root, request.param, *run_line(root, request.param))


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)


def by_hand(line: Line) -> float:
    """The metric that `auto` means, of what the release predicted and of the table's labels."""
    rows = pq.read_table(line.root / "evaluation" / "predictions.parquet").to_pydict()
    if line.problem == "regression":
        error = np.array(rows["fp32.prediction"]) - np.array(rows["target"])[:, 0]
        return float(np.sqrt((error**2).mean()))
    return float(f1_score(rows["target"], rows["fp32.decision"], average="macro"))


def test_it_goes_from_raw_texts_to_a_verdict_by_its_own_metrics(line: Line) -> None:
    metrics, verdict = line.read("evaluation/metrics.json"), line.read("verdict.json")
    assert metrics["release"][best(line.problem)]["estimate"] == pytest.approx(by_hand(line), rel=1e-5)
    assert set(metrics["controls"]) == {*metrics["constants"], "scratch", "tfidf"}
    # The words themselves say it best; a network of random weights is better than all that does not know them.
    refused = {rule["rule"] for rule in verdict["rules"] if rule["outcome"] != "pass"}
    compared = line.params.gate.better_than_controls.metric
    assert refused == {f"{compared} better than tfidf by more than 0"}
    assert verdict["verdict"] == "fail"
    assert (line.root / "release" / "tokenizer.json").is_file()


def test_what_was_evaluated_is_what_the_bundle_answers(line: Line) -> None:
    bundle, dataset = open_bundle(line.root / "release"), Dataset.open(line.root / "dataset")
    payloads = [dataset.read(name) for name in dataset.ids("test")]
    answered = bundle.runner(["cpu"], 1).rows(payloads, bundle.assembly.windows)
    answers = np.stack([found[0] for found, _ in answered])
    kept = pq.read_table(line.root / "evaluation" / "predictions.parquet").to_pydict()
    if line.problem == "regression":
        for name, values in bundle.decision.written(answers).items():
            np.testing.assert_allclose(kept[f"fp32.{name}"], values, rtol=1e-5)
    else:
        np.testing.assert_array_equal(kept["fp32.decision"], bundle.decision(answers))


def test_the_report_shows_texts_and_their_own_figures(line: Line) -> None:
    page = report(line.root, line.params, line.context).read_text()
    assert HEADINGS[line.problem] in page
    assert "tfidf" in page
    assert "Confusion matrix" not in page
    assert "stayed" in page


@pytest.mark.parametrize("number", [0, 1])
def test_a_sweep_ranks_a_head_that_learns_above_one_that_cannot(line: Line, number: int) -> None:
    """A penalty of 1e6 leaves the constant answer, whichever way the metric points."""
    metric = DIRECTIONS[line.problem][number]
    (line.root / "space.yaml").write_text("head.l2: [[1.0e+6], [1.0e-2]]\n")
    space = load_space(line.root / "space.yaml")
    plan = planned(line.root, metric, space, line.params, metric, folds=2)
    search = Search(plan, line.params, sweep_run(plan, line.params), scorer(plan, line.params))
    search.run(trials=2)
    sweep = search.sweep()
    first, last = sweep.ranked
    assert (first.values, last.values) == ({"head.l2": [0.01]}, {"head.l2": [1e6]})
    difference = sweep.score(first) - sweep.score(last)
    assert difference > 0.05 if plan.rising else difference < -0.05
    winner = yaml.safe_load((plan.folder / "params.yaml").read_text())
    assert winner["head"]["l2"] == [0.01]
    assert metric in (plan.folder / "report.html").read_text()


def test_texts_of_a_table_are_scored_from_the_bundle(line: Line, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    texts = ["the room was superb", "The food was awful and the staff was bad.", "", "we stayed for a week"]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("name", "text"), *((f"n{i}", text) for i, text in enumerate(texts))])
    asked = {"input": str(table), "content": "text", "id": "name", "bundle": "release"}
    job = read_job({**asked, "output": str(tmp_path / "scored")})
    run = begin_run(line.root, "scoring", {})
    done = Scoring(line.root, line.params, job, run).score()
    assert (done.rows, done.unreadable) == (4, 1)
    (part,) = (tmp_path / "scored").glob("part-*.parquet")
    rows = pq.read_table(part).to_pydict()
    assert rows["id"] == ["n0", "n1", "n2", "n3"]
    assert [reason is None for reason in rows["reason"]] == [True, True, False, True]

    bundle = open_bundle(line.root / "release")
    payloads = [text.encode() for text in texts if text]
    answered = bundle.runner(["cpu"], 1).rows(payloads, bundle.assembly.windows)
    answers = np.stack([found[0] for found, _ in answered])
    for name, values in bundle.decision.written(answers).items():
        found = [value for value in rows[name] if value is not None]
        if name == "decision":
            assert found == values
        else:
            np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5)
    _is_sensible(line, rows)


def _is_sensible(line: Line, rows: dict) -> None:
    if line.problem == "multi_label":
        assert set(rows["decision"][0]) <= set(TOPICS)
        assert "room" in rows["decision"][0]
        return
    lows, values, highs = (np.array(rows[name])[[0, 1, 3]] for name in ("low", "prediction", "high"))
    lows, values, highs = (column.astype(float) for column in (lows, values, highs))
    assert (lows <= values).all()
    assert (values <= highs).all()
    assert ((lows >= -4) & (highs <= 4)).all()
    assert values[0] > values[1], "superb is better than awful"
