"""The whole line, killed in every stage in turn, against the same line left in peace. `make faults` runs this."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from clones import Line, copy

from components.stages.table import STAGES
from components.storage.publish import remove, sha256_tree
from components.training.interrupts import CRASH_POINT

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Peaceful:
    """A line that ran through, and the order in which DVC ran its stages."""

    line: Line
    order: list[str]


@pytest.fixture(scope="module")
def peaceful(begun: Line, tmp_path_factory: pytest.TempPathFactory) -> Peaceful:
    line = copy(begun, tmp_path_factory.mktemp("peaceful") / "line")
    done = line.run("dvc", "repro")
    assert done.returncode == 0, done.stderr
    return Peaceful(line, re.findall(r"Running stage '(\w+)'", done.stdout))


def outputs(line: Line) -> dict[str, str]:
    """Digests of all outputs."""
    return {out: sha256_tree(line.root / out) for row in STAGES for out in row.outputs}


def test_killed_in_every_stage_the_same_command_gives_the_same_bytes(line: Line, peaceful: Peaceful) -> None:
    points = [f"{name}:made" for name in peaceful.order]
    at = points.index("fine_tune:made")
    points[at:at] = ["epoch:2", "step:14"]
    for point in points:
        killed = line.run("dvc", "repro", more={CRASH_POINT: point})
        assert killed.returncode != 0, point
        # The stage that was killed before, and the next one, in which it is killed now.
        assert len(re.findall(r"Running stage '(\w+)'", killed.stdout)) <= 2, killed.stdout
    finished = line.run("dvc", "repro")
    assert finished.returncode == 0, finished.stderr
    assert re.findall(r"Running stage '(\w+)'", finished.stdout) == peaceful.order[-1:]
    assert outputs(line) == outputs(peaceful.line)
    assert line.run("dvc", "status", "-q").returncode == 0
    assert not list(line.root.glob(".*.partial"))


def test_a_damaged_release_is_brought_back(peaceful: Peaceful, tmp_path: Path) -> None:
    line = copy(peaceful.line, tmp_path / "line")
    model = line.root / "release" / "model.onnx"
    model.chmod(0o644)
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    refused = line.stage("evaluate")
    assert refused.returncode == 11
    assert "model.onnx is not the file that the manifest names" in refused.stderr
    done = line.run("dvc", "repro")
    assert done.returncode == 0, done.stderr
    assert outputs(line) == outputs(peaceful.line)


def test_sigterm_keeps_the_checkpoint_of_a_training(peaceful: Peaceful, tmp_path: Path) -> None:
    line = copy(peaceful.line, tmp_path / "line")
    remove(line.root / "tuned")
    line.set("tune", epochs=5000, patience=5000)
    training = line.root / ".graftline" / "training"
    command = [sys.executable, "-m", "components", "fine_tune"]
    with subprocess.Popen(
        command, cwd=line.root, env=line.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 300
        while not list(training.glob("*/*.checkpoint")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    assert "The same command goes on from there." in said
    assert "Traceback" not in said
    assert 1 <= len(list(training.glob("*/*.checkpoint"))) <= 2
    assert not (line.root / "tuned").exists()
