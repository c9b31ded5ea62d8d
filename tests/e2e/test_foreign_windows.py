"""A sample that is several rows, and targets of different lengths: a second package goes through the line.

tests/plugins/marks/ cuts series of bytes into windows, and its targets are lists of positions; no line in components/
is about them.
"""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from counting import accepted
from lines import ROOT, Workspace
from marking import LENGTH, SAMPLES, marking

from components.stages.table import STAGES


@pytest.fixture
def line(tmp_path: Path) -> Workspace:
    made = marking(tmp_path)
    accepted(made)
    return made


def test_no_line_of_ours_is_about_them() -> None:
    words = re.compile(r"series_network|marks\.(series|mark)|SeriesSpec|position_f1", re.IGNORECASE)
    for folder in ("components", "flows"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not words.search(path.read_text()), path


def _positions(folder: Path) -> dict[str, list[int]]:
    """What scoring said, by the digest of the input."""
    (part,) = folder.glob("part-*.parquet")
    rows = pq.read_table(part).to_pylist()
    assert len(rows) == SAMPLES + 2  # manifest.csv is of bytes, too
    reasons = {row["id"]: row["reason"] for row in rows if row["reason"] is not None}
    assert reasons == {"empty.bin": "has 0 bytes, not 1 to 4096"}
    return {row["sha256"]: row["positions"] for row in rows}


def _kept(line: Workspace) -> list[dict[str, list[int]]]:
    rows: list[dict[str, list[int]]] = pq.read_table(
        line.folder / "evaluation" / "predictions.parquet"
    ).to_pylist()
    return rows


@pytest.mark.slow
def test_windows_and_lists_go_from_samples_to_a_verdict_and_are_scored_from_the_bundle_alone(
    line: Workspace,
) -> None:
    for words in (("components", "refresh"), ("tests.counting_stages",)):
        done = line.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [row for row in done.stdout.split() if row != "done"] == [row.name for row in STAGES]
    verdict = json.loads((line.folder / "verdict.json").read_text())
    found = {rule["rule"]: rule["outcome"] for rule in verdict["rules"]}
    assert set(found.values()) == {"pass"}, found
    assert {"position_f1 at least 0.8", "position_f1 better than nothing by more than 0"} <= set(found)

    rows = _kept(line)
    hits = sum(len({*row["target"]} & {*row["fp32.positions"]}) for row in rows)
    metrics = json.loads((line.folder / "evaluation" / "metrics.json").read_text())
    total = sum(len(row["target"]) + len(row["fp32.positions"]) for row in rows)
    assert metrics["release"]["position_f1"]["estimate"] == pytest.approx(2 * hits / total)
    assert metrics["n"] == len(rows)
    assert (
        max(position for row in rows for position in row["fp32.positions"]) >= LENGTH
    )  # past the first window

    manifest = json.loads((line.folder / "release" / "manifest.json").read_text())
    assert manifest["runner"] == {"windows": {"length": LENGTH, "stride": 16}}
    parity = json.loads((line.folder / "release" / "parity.json").read_text())
    assert (parity["fp32"]["samples"], parity["fp32"]["changed_decisions"]) == (40, 0)

    (line.folder.parent / "measured" / "empty.bin").touch()
    done = line.run("flows.score", "--bundle", "release", "--input", "../measured", "--output", "../scored")
    assert done.returncode == 0, done.stderr
    scored = _positions(line.folder.parent / "scored")
    assert {str(row["id"]): row["fp32.positions"] for row in rows}.items() <= scored.items()


@pytest.mark.faults
def test_they_go_through_the_flow_to_a_champion_and_are_scored_swept_compared_and_reported(
    line: Workspace,
) -> None:
    done = line.run("flows.train", "--promote")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "version 1 is champion now" in done.stdout
    assert line.stages_run() == []  # both engines agree
    page = (line.folder / ".graftline" / "reports" / "report.html").read_text()
    assert "F1 of positions at least" in page  # a rule of the gate
    assert "<figcaption>Positions</figcaption>" in page
    assert "Confusion matrix" not in page

    (line.folder.parent / "measured" / "empty.bin").touch()
    done = line.run("flows.score", "--input", "../measured", "--output", "../scored")
    assert done.returncode == 0, done.stderr
    scored = _positions(line.folder.parent / "scored")
    assert {str(row["id"]): row["fp32.positions"] for row in _kept(line)}.items() <= scored.items()

    (line.folder.parent / "measured" / "empty.bin").unlink()  # else the data would be others

    refused = line.run("flows.monitor", "reference")
    assert refused.returncode != 0
    assert "'mark'" in refused.stdout + refused.stderr

    space = line.folder / "space.yaml"
    space.write_text(yaml.safe_dump({"head.l2": [[1e-3], [1e6]]}))
    done = line.run("flows.sweep", "--space", "space.yaml", "--trials", "2", "--folds", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 complete" in done.stdout + done.stderr
    space.unlink()

    line.change("export", "parity", {"samples": 41, "batches": [1, 7]})
    done = line.run("flows.train", "--promote")
    assert "it says the same as the champion about every test sample" in done.stdout + done.stderr
