"""One notation for intervals, and titles for metrics, on every page."""

import re
from pathlib import Path

import pytest

from components.params.task import TaskParams
from components.problems.operation import titles
from components.reporting.material import gather
from components.reporting.notation import explained, figure, inside, rule_words
from components.reporting.page import Heading, render

TITLES = titles("classification")


def test_an_interval_is_written_as_far_as_it_is_known() -> None:
    assert figure({"estimate": 0.8756, "low": 0.85, "high": 0.9}) == "0.876 (0.850 to 0.900)"
    assert figure({"estimate": -0.01, "low": -0.03, "high": 0.01}, "+.3f") == "-0.010 (-0.030 to +0.010)"
    assert figure({"estimate": 0.5}) == figure(0.5) == "0.500"
    assert figure(None) == figure({"estimate": float("nan")}) == figure("x") == ""


def test_where_there_is_no_interval_it_says_why() -> None:
    assert explained({"estimate": 0.5, "reason": "9 are too few"}) == "0.500 (no interval: 9 are too few)"
    assert explained({"reason": "no sample"}) == "no sample"
    assert explained({"estimate": 0.5}) == "0.500"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("balanced_accuracy on type=f1 at least 0.8", "balanced accuracy on type=f1 at least 0.8"),
        ("ece at most 0.1", "calibration error at most 0.1"),
        ("auroc better than scratch by more than 0", "AUROC better than scratch by more than 0"),
        ("recall of big_ece at least 0.8", "recall of big_ece at least 0.8"),
        (
            "difference of ece between groups of ece at most 0.1",
            "difference of calibration error between groups of ece at most 0.1",
        ),
        (
            "training balanced_accuracy above validation balanced_accuracy at most 0.1",
            "training balanced accuracy above validation balanced accuracy at most 0.1",
        ),
        ("size in MB at most 20", "size in MB at most 20"),
    ],
)
def test_rules_call_metrics_by_their_titles(rule: str, words: str) -> None:
    """Names of slices, columns and classes are the data's, and stay."""
    assert rule_words(rule, "classification", TITLES) == words


def test_titles_keep_their_capitals_within_a_sentence() -> None:
    named = [inside(name) for name in ("Balanced accuracy", "AUROC", "F1", "R²", "")]
    assert named == ["balanced accuracy", "AUROC", "F1", "R²", ""]


def test_the_page_has_one_notation_and_no_name_of_a_metric_as_the_files_have_it(workspace: Path) -> None:
    material = gather(workspace, workspace / ".graftline", TaskParams())
    page = render(material, (), Heading("cells", "2026-01-01"))
    body = re.sub(r"<style>.*?</style>|<code>.*?</code>", "", page, flags=re.DOTALL)
    words = " ".join(re.sub(r"<[^>]*>", " ", body).split())
    assert not re.search(r"balanced_accuracy|\bece\b|\bauroc\b|average_precision", words)
    assert not re.search(r"\[[-+]?\d", words)
    assert "interval 0" not in body  # of the bars, for those who hear the page
    assert "balanced accuracy at least 0.82" in words
    assert "calibration error at most 0.02" in words
    assert words.count("0.887 (0.867 to 0.907") >= 2
