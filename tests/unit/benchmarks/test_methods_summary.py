"""The methods' benchmark: cells are compared seed by seed, and only those that today's code would give again."""

from pathlib import Path

import pytest

from benchmarks import kept, methods
from benchmarks.methods import ROOT, Cell, cells, files
from benchmarks.report import write_page
from benchmarks.summary import Measured, Run, paired, rows

TARGETS = "0011"


def measured(decisions: str) -> Measured:
    """Classes are equally frequent: balanced accuracy is accuracy."""
    right = sum(a == b for a, b in zip(decisions, TARGETS, strict=True)) / 4
    return {"balanced_accuracy": right, "accuracy": right, "targets": TARGETS, "decisions": decisions}


def run(decisions: str) -> Run:
    return {
        "seconds": 1.0,
        "mib": 2.4,
        "trained": 3,
        "target": measured(decisions),
        "source": None,
    }


ALL, THREE, HALF, NONE = run("0011"), run("0010"), run("0110"), run("1100")


def test_cells_are_paired_by_seed_whichever_is_missing() -> None:
    """The method repeats its control with seeds 2 and 3; seed 1, with which the control did well, is missing."""
    control = {1: ALL, 2: HALF, 3: NONE}
    found = rows({"plain": control, "method": {3: NONE, 2: HALF}}, "plain", "plain")
    assert found["method"]["against"] == [0.0, 0.0, 0.0]
    assert found["method"]["seeds"] == 2
    assert found["method"]["balanced_accuracy"] == 0.25
    assert "against" not in found["plain"]


def test_without_a_common_seed_nothing_is_compared() -> None:
    found = rows({"plain": {1: HALF}, "goal": {1: ALL}, "method": {2: ALL}}, "plain", "goal")
    assert "against" not in found["method"]
    assert found["method"]["share_of_gap"] is None


def test_the_share_of_the_gap_is_over_the_seeds_that_all_three_have() -> None:
    """Only seed 2 is everyone's: half of the way from 0.5 to 1 is 0.75."""
    held = {"plain": {1: ALL, 2: HALF}, "goal": {2: ALL, 3: NONE}, "method": {1: NONE, 2: THREE, 3: ALL}}
    assert rows(held, "plain", "goal")["method"]["share_of_gap"] == 0.5


def test_a_difference_by_hand() -> None:
    """Of class 0 one sample more is right, of class 1 none: (1/2 + 0) / 2; drawn anew, class 0 gives 0, 1/2 or 1."""
    assert paired({1: THREE}, {1: HALF}, "target") == [0.25, 0.0, 0.5]


def test_seeds_are_drawn_anew_too() -> None:
    """All samples gain 1 with seed 1, and 0 with seed 2: drawn twice, the seeds give 0, 1/2 or 1."""
    assert paired({1: ALL, 2: NONE}, {1: NONE, 2: NONE}, "target") == [0.5, 0.0, 1.0]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(kept, "PLACE", tmp_path)
    plain = {"measure": "head", "set": {"head.method": "prototypes"}}
    beside = {"objectives.tasks": {"columns": ["type"], "balance": "pcgrad"}, "pretrain.method": "clusters"}
    return {
        "example": "cells",
        "control": "plain",
        "goal": "plain",
        "set": {},
        "cells": {"plain": plain, "method": {"set": beside}},
    }


def test_stale_cells_are_left_out_and_counted(
    pair: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        for cell in cells("some", pair, seed):
            stale = cell.name == "method" and seed == 1
            key = methods._key(cell) | ({"code": "another"} if stale else {})
            kept.keep("some", cell.name, seed, key, ALL if stale else HALF)  # type: ignore[arg-type]
    found = methods._summary("some", pair, [1, 2, 3])["cells"]
    assert isinstance(found, dict)
    assert found["plain"]["seeds"] == 2
    assert (found["method"]["seeds"], found["method"]["against"]) == (1, [0.0, 0.0, 0.0])
    assert capsys.readouterr().err.startswith("some: 1 cells are left out")
    methods._accept({"pairs": {"some": pair}, "seeds": [1, 2, 3]})
    found = methods._summary("some", pair, [1, 2, 3])["cells"]
    assert isinstance(found, dict)
    assert (found["method"]["seeds"], found["method"]["against"]) == (2, [0.25, 0.0, 0.75])


def test_a_pair_may_have_seeds_of_its_own(
    pair: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair["seeds"] = [7]
    (cell, _) = cells("some", pair, 7)
    kept.keep("some", cell.name, 7, methods._key(cell) | {"code": "another"}, ALL)  # type: ignore[arg-type]
    methods._accept({"pairs": {"some": pair}, "seeds": [1, 2, 3]})
    assert capsys.readouterr().out == "some: 1 results accepted.\n"


def page(summary: dict[str, object], tmp_path: Path) -> str:
    spent = {"when": "2026-01-01", "count": 1, "longest": 1.0, "minutes": 1 / 60}
    write_page({"some": summary}, spent, tmp_path / "page.md")
    return (tmp_path / "page.md").read_text()


def test_the_page_answers_what_is_asked_of_a_pair(tmp_path: Path) -> None:
    held = {"plain": {1: NONE}, "goal": {1: ALL}, "little": {1: run("1000")}, "half": {1: HALF}}
    found = {"control": "plain", "goal": "goal", "cells": rows(held, "plain", "goal")}
    assert "**Half of the gap or more is closed by `half`.**" in page(found, tmp_path)
    del held["half"]
    found["cells"] = rows(held, "plain", "goal")
    assert "**Nothing closes half of the gap;** the most closes `little`, 25%." in page(found, tmp_path)


def test_the_page_says_who_keeps_the_source_and_does_the_new_task_as_well(tmp_path: Path) -> None:
    def both(target: str, source: str) -> dict[int, Run]:
        return {1: {**run(target), "source": measured(source)}}

    held = {
        "plain": both("0011", "1100"),
        "kept": both("0011", "0011"),
        "stiff": both("1100", "0011"),
        "unsure": both("0111", "0011"),
        "void": both("0011", "1100"),
    }
    found = {"control": "plain", "goal": "plain", "cells": rows(held, "plain", "plain")}
    said = page(found, tmp_path)
    assert "**More of the source than plain, and within 2 points on the target: `kept`.**" in said
    assert "**More of the source, and no measurable difference on the target: `unsure`.**" in said
    assert "n = 4 samples, 4 of the source." in said


def test_sides_that_differ_by_seed_are_counted_from_least_to_most(tmp_path: Path) -> None:
    larger = {**ALL, "target": {**ALL["target"], "targets": "000111", "decisions": "000111"}}
    found = {
        "control": "plain",
        "goal": "plain",
        "cells": rows({"plain": {1: ALL, 2: larger}}, "plain", "plain"),
    }
    assert "n = 4 to 6 samples." in page(found, tmp_path)


@pytest.mark.parametrize(
    ("decisions", "said"), [("0011", "within 2 points"), ("0010", "not shown to be within 2 points")]
)
def test_the_page_says_whether_few_numbers_do_as_well(
    decisions: str, said: str, pair: dict[str, object], tmp_path: Path
) -> None:
    pair["level"] = [["method", "plain"]]
    for cell in cells("some", pair, 1):
        result = run(decisions) if cell.name == "method" else {**ALL, "trained": 60}
        kept.keep("some", cell.name, 1, methods._key(cell), result)  # type: ignore[arg-type]
    found = methods._summary("some", pair, [1])
    assert f"), {said}**, with 5.0% of the numbers trained." in page(found, tmp_path)


def code(cell: Cell, *stages: str) -> set[str]:
    return {path.relative_to(ROOT / "components").as_posix() for path in files(stages, cell.params)}


def test_code_that_params_choose_by_name_counts(pair: dict[str, object]) -> None:
    head, tuned = cells("some", pair, 1)
    facets = {"problems/classification/target/__init__.py", "problems/classification/network/__init__.py"}
    chosen = {"modalities/image/decode.py", *facets, "backbones/efficientnet_lite0.py"}
    assert {*chosen, "methods/pcgrad.py", "methods/last_blocks.py"} <= code(tuned, "fine_tune")
    assert {*chosen, "methods/clusters.py"} <= code(tuned, "adapt_checkpoint")
    assert "heads/prototypes.py" in code(head, "train_head")
    assert "heads/logistic.py" not in code(head, "train_head")


def test_a_result_stands_where_only_what_its_stages_do_not_read_has_changed(pair: dict[str, object]) -> None:
    pair["cells"] = {"plain": {}, "scratch": {"measure": "scratch"}}
    before = [methods._key(cell)["params"] for cell in cells("some", pair, 1)]
    pair["set"] = {"controls.scratch.epochs": 99}
    after = [methods._key(cell)["params"] for cell in cells("some", pair, 1)]
    assert before[0] == after[0]
    assert before[1] != after[1]
