"""Nothing knows a task: a package of its own brings a modality, a problem and a backbone, and goes through the line.

tests/plugins/counts/ has arrays of bytes and counts with a Poisson loss; no line in components/ is about them.
"""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from counting import SAMPLES, accepted, counting
from lines import ROOT, Workspace
from scipy.special import xlogy

from components.stages.table import STAGES


@pytest.fixture
def line(tmp_path: Path) -> Workspace:
    made = counting(tmp_path)
    accepted(made)
    return made


def test_no_line_of_ours_is_about_them() -> None:
    words = re.compile(r"byte_network|poisson|counts\.(bytes|count)|BytesSpec", re.IGNORECASE)
    for folder in ("components", "flows"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not words.search(path.read_text()), path


@pytest.mark.slow
def test_a_foreign_modality_and_problem_go_from_samples_to_a_verdict_by_their_own_metric(
    line: Workspace,
) -> None:
    for words in (("components", "refresh"), ("tests.counting_stages",)):
        done = line.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [row for row in done.stdout.split() if row != "done"] == [row.name for row in STAGES]

    verdict = json.loads((line.folder / "verdict.json").read_text())
    found = {rule["rule"]: rule["outcome"] for rule in verdict["rules"]}
    assert set(found.values()) == {"pass"}, found
    assert {"deviance at most 2", "deviance better than mean by more than 0"} <= set(found)

    metrics = json.loads((line.folder / "evaluation" / "metrics.json").read_text())
    rows = pq.read_table(line.folder / "evaluation" / "predictions.parquet").to_pydict()
    y, rate = np.array(rows["target"], dtype=float), np.array(rows["fp32.rate"])
    deviance = float(2 * (xlogy(y, y / rate) - y + rate).mean())
    assert metrics["release"]["deviance"]["estimate"] == pytest.approx(deviance, rel=1e-5)
    assert metrics["metrics"]["deviance"] == {
        "better": "lower",
        "range": [0.0, None],
        "interval": "mean loss",
    }
    assert set(metrics["controls"]) == {"mean", "scratch", "spread"}


def watched(line: Workspace) -> None:
    """What was scored looks as its reference does; bytes that were moved do not, and their rates neither."""
    place = line.folder.parent
    known = (place / "measured" / "manifest.csv").read_text().replace("path,label", "id,label", 1)
    (place / "known.csv").write_text(known)
    words = ("flows.monitor", "--scored", "../scored", "--input", "../measured", "--labels", "../known.csv")
    done = line.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SAMPLES} samples" in done.stdout
    assert "deviance, measured" in done.stdout
    assert "Accuracy without labels is not defined for counts" in done.stdout
    (place / "moved").mkdir()
    for path in (place / "measured").glob("*.bin"):
        values = np.frombuffer(path.read_bytes(), np.uint8).astype(int)
        (place / "moved" / path.name).write_bytes(
            (values // 2 + 100 * (np.arange(len(values)) < 8)).astype(np.uint8).tobytes()
        )
    done = line.run("flows.monitor", "--input", "../moved")
    assert done.returncode == 4, done.stdout + done.stderr
    assert re.search(r"DRIFT +rate +KS", done.stdout)


@pytest.mark.faults
def test_they_go_through_the_flow_to_a_champion_are_scored_swept_and_tracked(line: Workspace) -> None:
    done = line.run("flows.train", "--promote")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "version 1 is champion now" in done.stdout
    assert line.stages_run() == []  # both engines agree

    done = line.run("flows.score", "--input", "../measured", "--output", "../scored")
    assert done.returncode == 0, done.stderr
    (part,) = (line.folder.parent / "scored").glob("part-*.parquet")
    scored = pq.read_table(part).to_pydict()
    assert sum(rate is not None and rate > 0 for rate in scored["rate"]) == SAMPLES
    watched(line)

    space = line.folder / "space.yaml"
    space.write_text(yaml.safe_dump({"tune.blocks": [1, 2]}))
    done = line.run("flows.sweep", "--space", "space.yaml", "--trials", "2", "--folds", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 complete" in done.stdout + done.stderr

    changed = Path(line.environment["PYTHONPATH"]) / "counts" / "count" / "network.py"
    changed.write_text(f"{changed.read_text()}# another network\n")
    refused = line.run("flows.train")
    assert refused.returncode != 0
    assert "The package counts has SHA-256" in refused.stdout + refused.stderr
    accepted(line)
    status = json.loads(line.run("dvc", "status", "--json").stdout)
    assert set(status) == {row.name for row in STAGES}
