"""Any instant can be the last: killed, stopped, or two at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from clones import Line

from components.storage.home import stage_lock
from components.storage.publish import kernel_lock, sha256_tree
from components.training.interrupts import CRASH_POINT

DATA = "version_data"


@pytest.mark.faults
def test_killed_around_publishing_the_same_command_finishes(fresh: Line, begun: Line) -> None:
    for point, there in ((f"{DATA}:made", False), (f"{DATA}:published", True)):
        assert fresh.run("dvc", "repro", DATA, more={CRASH_POINT: point}).returncode != 0
        assert (fresh.root / "dataset").exists() is there
    finished = fresh.run("dvc", "repro", DATA)
    assert finished.returncode == 0, finished.stderr
    assert sha256_tree(fresh.root / "dataset") == sha256_tree(begun.root / "dataset")
    assert not list(fresh.root.glob(".*.partial"))


@contextmanager
def waiting(line: Line, *words: str) -> Iterator[psutil.Process]:
    """The stage, somewhere below `python WORDS`, when it stands before its lock, which this process holds."""
    lock = stage_lock(line.root, DATA)
    command = [sys.executable, *words]
    with (
        kernel_lock(lock),
        subprocess.Popen(
            command, cwd=line.root, env=line.environment(), stderr=subprocess.DEVNULL
        ) as process,
    ):
        root, deadline = psutil.Process(process.pid), time.monotonic() + 120
        found: list[psutil.Process] = []
        while not found and time.monotonic() < deadline:
            time.sleep(0.05)
            found = [p for p in [root, *root.children()] if str(lock) in {f.path for f in p.open_files()}]
        yield found[0]
        process.kill()


def test_sigterm_ends_a_stage_with_the_resumable_code(fresh: Line) -> None:
    with waiting(fresh, "-m", "components", DATA) as stage:
        stage.send_signal(signal.SIGTERM)
        assert stage.wait(timeout=60) == 75
    assert not (fresh.root / "dataset").exists()


def test_a_stage_dies_with_the_engine_that_started_it(fresh: Line) -> None:
    engine = f"import subprocess, sys; subprocess.run([sys.executable, '-m', 'components', {DATA!r}])"
    with waiting(fresh, "-c", engine) as stage:
        parent = stage.parent()
        assert parent is not None
        parent.kill()
        psutil.wait_procs([stage], timeout=60)
        assert not stage.is_running()


@pytest.mark.faults
def test_two_runs_of_a_stage_follow_each_other_and_a_stale_lock_file_hinders_neither(
    fresh: Line, begun: Line
) -> None:
    """The lock file names a living process, as after a reused pid; it holds nothing."""
    lock = stage_lock(fresh.root, DATA)
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(str(os.getpid()))
    command = [sys.executable, "-m", "components", DATA]
    both = [
        subprocess.Popen(command, cwd=fresh.root, env=fresh.environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert sha256_tree(fresh.root / "dataset") == sha256_tree(begun.root / "dataset")


KILLED_AT_RENAME = """
import os, signal, sys
from pathlib import Path
from components.storage.publish import write_bytes
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_bytes(Path(sys.argv[1]), b"new" * 10_000)
"""


def test_killed_while_a_file_is_replaced_the_one_before_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "000001.checkpoint"
    target.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_RENAME, str(target)])
    assert killed.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob("[0-9]*")] == [target.name]


@pytest.mark.parametrize("name", ["select", "gate"])
def test_a_stage_whose_inputs_were_lost_says_what_to_run(fresh: Line, name: str) -> None:
    done = fresh.stage(name)
    assert done.returncode == 14
    assert "does not exist. Run: dvc repro" in done.stderr
    assert "Traceback" not in done.stderr
