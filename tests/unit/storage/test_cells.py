"""A file name or a class that begins like a formula is text for a spreadsheet, and comes back as it was."""

import csv
from pathlib import Path

import numpy as np
import pytest

from components.monitoring.labels import Worth, to_csv
from components.params.task import TaskParams
from components.problems import decision
from components.problems.operation import watch
from components.stages.evaluate import _write_csv
from components.stages.label_report import Doubted, LabelReport, write_list
from components.stages.windows import read_labels
from components.storage.cells import STARTS, escape, unescape

FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", " =1")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_quoted_and_comes_back(text: str) -> None:
    written = escape(text)
    assert isinstance(written, str)
    assert not written.startswith(STARTS)
    assert unescape(written) == text


@pytest.mark.parametrize("cell", [-3, -0.5, "-3", "-0.25", "+1e5", "a=b", "", "it's", "'quoted'", None])
def test_numbers_and_other_texts_stay(cell: object) -> None:
    assert escape(cell) is cell
    if isinstance(cell, str):
        assert unescape(cell) == cell


def test_a_list_to_label_is_safe_to_open_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "label.csv"
    path.write_text(
        to_csv([Worth("=evil.png", "-good", {"confidence": 0.5, "margin": 0.1})], ["label"]), newline=""
    )
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id"], row["decision"]) == ("'=evil.png", "'-good")
    path.write_text(path.read_text().replace("'=evil.png,", "'=evil.png,'-good"), newline="")
    described = {"problem": "classification", "classes": ["-good", "bad"]}
    watched = watch(TaskParams(), described, decision(TaskParams(), described))
    assert read_labels(path, watched) == {"=evil.png": "-good"}


def test_tables_of_the_evaluation_quote_classes_and_keep_numbers(tmp_path: Path) -> None:
    _write_csv(tmp_path / "out.csv", ("actual", "count"), [("=a", np.int64(-1)), ("b", -0.5)])  # type: ignore[list-item]
    assert (tmp_path / "out.csv").read_text() == "actual,count\n'=a,-1\nb,-0.5\n"


def test_the_list_of_doubtful_labels_is_safe_to_open(tmp_path: Path) -> None:
    doubt = Doubted("=evil.png", "12", ("@good", "-0.5"))
    path = write_list(tmp_path, LabelReport([doubt], ("label", "distance"), "by hand", 1, 1))
    assert path.read_text() == "path,id,label,distance\n'=evil.png,12,'@good,-0.5\n"
