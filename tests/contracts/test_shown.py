"""What people see of every problem: its own charts, metrics and words on the report and on the model card, and of a
problem of another package nothing that is not so."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugged import plugged

from components.evaluation.spread import Plan
from components.params import Params
from components.params.task import TaskParams
from components.problems import decision, judge, target
from components.problems.operation import show
from components.reporting.card import facts
from components.reporting.card_page import readme
from components.reporting.material import gather
from components.reporting.page import Heading, Parts, render
from components.stages import evaluate
from components.storage.publish import write_json

COUNT = 40
VOID = {"meta", "img", "br"}


@dataclass(frozen=True)
class Case:
    """A problem with what was fitted, and what people must read of it.

    Attributes:
        label: as it is kept, of sample `n`.
        answers: of sample `n`.
        counts: of each split, as `Reading.counts` has them.
        charts, metrics: titles on the page, in their order.
        words: on the page's lineage, and on the card.
    """

    description: Mapping[str, Any]
    fitted: Mapping[str, Any]
    label: Any
    answer: Any
    counts: Mapping[str, Any]
    charts: Sequence[str]
    metrics: Sequence[str]
    words: Sequence[tuple[str, str]] = ()
    targets: str = ""
    told: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)


def _shares(n: int) -> list[float]:
    first = 0.2 + 0.6 * (n % 3 == 0) - 0.01 * (n % 7)
    return [first, 0.9 - first, 0.1]


CASES = {
    "classification": Case(
        {"problem": "classification", "classes": ["bad", "good", "odd"]},
        {"temperature": 1.273, "threshold": None, "positive": None},
        lambda n: ("bad", "good", "odd")[n % 3],
        _shares,
        {"bad": 1200, "good": 3, "odd": 0},
        ["Confusion matrix", "Reliability", "ROC"],
        ["Accuracy", "Balanced accuracy", "AUROC", "Average precision", "F1", "Calibration error"],
        [("Temperature", "1.273"), ("Decision", "the most probable class")],
        "bad, good, odd",
        "bad 1 200, good 3, odd 0",
    ),
    "multi_label": Case(
        {"problem": "multi_label", "labels": ["light", "striped"]},
        {"temperature": 0.8, "thresholds": [0.5, 0.31]},
        lambda n: json.dumps([name for name, has in (("light", n % 2), ("striped", n % 3 == 0)) if has]),
        lambda n: _shares(n)[:2],
        {"light": 20, "striped": 14, "no label": 13},
        ["Reliability", "Precision and recall of striped"],
        [
            "Macro F1",
            "Micro F1",
            "Mean average precision",
            "Subset accuracy",
            "Hamming loss",
            "Calibration error",
        ],
        [("Temperature", "0.8"), ("Decision thresholds", "light 0.5, striped 0.31")],
        "light, striped",
        "light 20, no label 13, striped 14",
    ),
    "regression": Case(
        {
            "problem": "regression",
            "numbers": [
                {"name": "load", "unit": "kg", "range": [0, 100]},
                {"name": "wear", "unit": None, "range": None},
            ],
            "statistics": {"mean": [30.0, 0.5], "scale": [9.0, 0.2]},
        },
        {"method": "split conformal", "coverage": 0.9, "margins": [4.25, 0.125]},
        lambda n: json.dumps([n * 1.5, n / 80]),
        lambda n: [n * 1.5 + n % 5, n / 80, n * 1.5 - 3, n / 90, n * 1.5 + 9, n / 70],
        {
            "load": {"min": 0, "median": 30.5, "max": 58.5},
            "wear": {"min": None, "median": None, "max": None},
        },
        [
            "Prediction over target",
            "Residuals",
            "Prediction intervals",
            "Prediction over target",
            "Residuals",
        ],
        [
            "Root mean squared error",
            "Mean absolute error",
            "R²",
            "Rank correlation (Spearman)",
            "Quantile loss (pinball)",
            "Coverage of the intervals",
            "Width of the intervals",
        ],
        [
            ("Coverage of prediction intervals", "90 %"),
            ("Margin of prediction intervals", "± 4.25 kg (load), 0.125 (wear)"),
        ],
        "load (kg, 0 to 100), wear",
        "load 0 to 58.5, median 30.5, wear –",
    ),
    "mark": Case(
        {"problem": "mark"},
        {"threshold": 0.35},
        lambda n: json.dumps([n % 4, 9]),
        lambda n: [float(place in (n % 4, 9 + n % 2)) for place in range(16)],
        {"marks": 80, "most": 2, "without": 0},
        ["Positions"],
        ["F1 of positions", "Samples without a mistake"],
        [("Threshold of a mark", "0.35")],
        "marked positions",
        "marks 80, most 2, without 0",
        {"length": 16},
    ),
    # It has no part `show`.
    "spelling": Case(
        {"problem": "spelling", "letters": "ab", "most": 3},
        {"calibration": {"n": 5}},
        lambda n: "ab"[: 1 + n % 2],
        lambda n: [[2.0, 3.0, 1.0]],
        {"lengths": {"least": 1, "most": 2}, "letters": ["a", "b"], "empty": None},
        [],
        ["Exact"],
        [],
        "",
        "empty –, lengths least 1, most 2, letters a, b",
        {"letters": "ab", "most": 3},
    ),
}


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("installed")
    with plugged(folder / "marks", "marks"), plugged(folder / "spellings", "spellings"):
        yield


@dataclass(frozen=True)
class Shown:
    """A workspace after an evaluation of 40 samples, with what people see of it."""

    case: Case
    page: str
    card: str

    def section(self, name: str) -> str:
        return self.page.partition(f'id="{name}"')[2].partition("</section>")[0]


@pytest.fixture(params=CASES)
def shown(request: pytest.FixtureRequest, tmp_path: Path) -> Shown:
    problem, case = request.param, CASES[request.param]
    params = _params(problem, case)
    judged = judge(params.task, case.description)
    outcome = _outcome(params.task, case)
    plan = Plan(0.95)
    release = {name: one.as_json() for name, one in evaluate.intervals(outcome, plan, judged.metrics).items()}
    about = {name: metric.as_json() for name, metric in judged.metrics.items()}
    metrics = {"metrics": about, "release": release, "n": COUNT, **judged.facts(outcome)}
    write_json(tmp_path / "evaluation/metrics.json", metrics)
    for file, (header, rows) in judged.tables(outcome).items():
        evaluate._write_csv(tmp_path / "evaluation" / file, header, rows)
    write_json(tmp_path / "dataset/dataset.json", {"target": case.description})
    sides = {"test": {"samples": COUNT, "targets": case.counts}}
    write_json(tmp_path / "dataset/report.json", {"targets": case.counts, "sides": sides})
    write_json(tmp_path / "selected/selected.json", {"chosen": "head", "decision": case.fitted})
    shows = show(params.task, case.description)
    parts = {
        name: {metric: interval.as_json() for metric, interval in held.items()}
        for name, held in shows.parts(outcome, plan).items()
    }
    material = gather(tmp_path, tmp_path / ".graftline", params.task)
    page = render(material, (), Heading("it", "now"), parts=Parts(shows.parts_of, parts) if parts else None)
    return Shown(case, page, readme(facts(material, params, "a" * 64)))


def _params(problem: str, case: Case) -> Params:
    metric = {"classification": "accuracy", "multi_label": "macro_f1", "regression": "mae"}
    bound = {"at_most": 9} if problem == "regression" else {"at_least": 0.1}
    named = {"mark": "exact", "spelling": "exact", **metric}[problem]
    return Params.model_validate(
        {
            "task": {"problem": problem, **case.keys},
            "data": {"source": "file:x", "licence": "none", "layout": "labels"},
            "head": {"method": "linear"},
            "gate": {"rules": [{"metric": named, **bound}]},
            "tracking": {"model": "it"},
        }
    )


def _outcome(task: TaskParams, case: Case) -> Any:
    targets = target(case.description).targets([case.label(n) for n in range(COUNT)])
    decides = decision(task, case.description, case.fitted)
    answers = np.array([case.answer(n) for n in range(COUNT)], dtype=np.float64)
    return judge(task, case.description).outcome(targets, answers, decides(answers))


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_html(shown: Shown) -> None:
    found = Balance()
    found.feed(shown.page)
    assert found.open == []


def test_charts_are_those_of_the_problem_and_none_is_missed(shown: Shown) -> None:
    """What evaluation wrote is shown, and nothing is said to be missing that this problem does not have."""
    decisions = shown.section("decisions")
    assert re.findall(r"<figcaption>(.*?)</figcaption>", decisions) == list(shown.case.charts)
    assert "not there yet" not in decisions
    assert bool(shown.case.charts) == ('id="decisions"' in shown.page)
    assert ('id="mistakes"' in shown.page) == (shown.case.description["problem"] != "spelling")
    if shown.case.description["problem"] == "mark":
        assert "<td>[0, 9]</td><td>[0, 9]</td>" in decisions
        assert "<td>[1, 9]</td><td>[1, 10]</td>" in decisions
        assert "30 more rows are not shown" in decisions


def test_metrics_have_the_problem_s_names(shown: Shown) -> None:
    tiles = re.findall(r'<div class="tile"><h3>(.*?)</h3>', shown.page)
    assert tiles == list(shown.case.metrics)
    for title in shown.case.metrics:
        assert re.search(rf"\| {re.escape(title)} \| [-\d]", shown.card.replace("\\", "")), title


def test_what_was_fitted_is_said_on_both(shown: Shown) -> None:
    """Once: both ask the problem for it."""
    lineage = _words(shown.section("lineage"))
    for name, value in shown.case.words:
        assert f"{name} {value}" in lineage
        assert f"- {name}: {value}\n" in shown.card.replace("\\", "")


def test_targets_and_their_counts_are_words(shown: Shown) -> None:
    card = shown.card.replace("\\", "")
    assert "{" not in card.split("---", 2)[2], "no Python, no JSON"
    assert (f"- Targets: {shown.case.targets}\n" in card) == bool(shown.case.targets)
    assert f"| test | 40 | {shown.case.told} |" in card
    assert "{" not in _words(shown.section("data"))


def test_another_problem_s_description_is_not_asked(tmp_path: Path) -> None:
    """Where params.yaml was changed since the data were versioned, the page is plain."""
    write_json(tmp_path / "dataset/dataset.json", {"target": CASES["classification"].description})
    task = TaskParams.model_validate({"problem": "regression"})
    page = render(gather(tmp_path, tmp_path, task), (), Heading("it", "now"))
    assert "The decisions on the test side are not there yet" in page


def test_reporting_names_no_file_and_no_metric_of_a_problem() -> None:
    root = Path(__file__).parents[2] / "components" / "reporting"
    text = "\n".join(path.read_text() for path in [*root.glob("*.py"), *root.glob("*.j2")])
    problems = [judge(_params(name, case).task, case.description) for name, case in CASES.items()]
    files = {file for name, case in CASES.items() for file in _tables(name, case)}
    metrics = {metric for one in problems for metric in one.metrics if "_" in metric}
    named = [word for word in {*files, *metrics, "recall"} if word in text]
    assert named == []


def _tables(name: str, case: Case) -> list[str]:
    task = _params(name, case).task
    return list(judge(task, case.description).tables(_outcome(task, case)))
