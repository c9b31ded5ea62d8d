"""The whole line, killed in every stage in turn, against the same line left in peace. `make faults` runs this."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from clones import Line, copy

from components.errors import DigestMismatch
from components.stages.artefacts import check_artefacts
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
    assert "release/model.onnx is not what export_onnx wrote" in refused.stderr
    done = line.run("dvc", "repro")
    assert done.returncode == 0, done.stderr
    assert outputs(line) == outputs(peaceful.line)


def flip(path: Path) -> None:
    """One bit, with size, mode and time as they were: DVC takes the file for the old one."""
    kept = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    path.chmod(kept.st_mode)


def test_no_flipped_bit_gets_from_one_stage_to_the_next(peaceful: Peaceful, tmp_path: Path) -> None:
    line = copy(peaceful.line, tmp_path / "line")
    for row in STAGES:
        for out in row.outputs:
            there = line.root / out
            for path in [there] if there.is_file() else [p for p in there.rglob("*") if p.is_file()]:
                flip(path)
                name = re.escape(path.relative_to(line.root).as_posix())
                with pytest.raises(DigestMismatch, match=rf"({out}|{name}) is not what {row.name} wrote"):
                    check_artefacts(line.root, [out])
                flip(path)
            check_artefacts(line.root, [out])


@pytest.mark.parametrize(
    "engine", [("dvc", "repro", "train_head"), ("flows.train", "--stop-after", "train_head")]
)
def test_both_engines_refuse_a_damaged_input_and_pull_brings_it_back(
    peaceful: Peaceful, tmp_path: Path, engine: tuple[str, ...]
) -> None:
    line = copy(peaceful.line, tmp_path / "line")
    assert line.run("dvc", "status", "-q").returncode == 0
    flip(line.root / "features" / "features.npy")
    assert line.run("dvc", "status", "-q").returncode == 0
    line.set("head", metric="accuracy")
    before = sha256_tree(line.root / "head")
    refused = line.run(*engine)
    assert refused.returncode != 0
    assert "features/features.npy is not what extract_features wrote" in refused.stderr
    assert not (line.root / "head").exists() or sha256_tree(line.root / "head") == before
    brought = line.run("components", "pull", "--force", "features")
    assert brought.stdout == "features was brought.\n", brought.stderr
    assert line.run(*engine).returncode == 0


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
    assert "The same command continues from there." in said
    assert "Traceback" not in said
    assert 1 <= len(list(training.glob("*/*.checkpoint"))) <= 2
    assert not (line.root / "tuned").exists()
