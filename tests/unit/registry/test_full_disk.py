"""A disk that fills up under MLflow's store: said with its folder, nothing half registered, and the rerun works."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from brightness import ABOUT, brightness_network

from components.errors import StorageError
from components.registry.full_disk import full_disk
from components.registry.store import patiently
from components.storage.publish import write_json

ROOT = Path(__file__).parents[3]
DISK = """
mount -t tmpfs -o size=16m tmpfs "$1/.graftline/mlflow" && cp "$0" "$1/.graftline/mlflow/" && shift && exec "$@"
"""


@pytest.fixture
def release(workspace: Path) -> Path:
    """One of 4 MB, which is larger than the database."""
    folder = workspace / "release"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(brightness_network(1 / 255, bias=(1, 0)))
    (folder / "more.bin").write_bytes(os.urandom(4_000_000))
    listed = {"model.onnx": {"sha256": "", "size": 1}}
    write_json(
        folder / "manifest.json",
        {**ABOUT, "output": {"name": "probabilities"}, "released": "fp32", "files": listed},
    )
    return folder


def may_mount(folder: Path) -> bool:
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return shutil.which("unshare") is not None and not subprocess.run(words, capture_output=True).returncode


def attempts(root: Path, how: str, size: int, before: tuple[str, ...] = ()) -> dict[str, object]:
    """What full.py found."""
    program = Path(__file__).with_name("full.py")
    words = [*before, sys.executable, str(program), str(root), how, str(size)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return cast(dict[str, object], json.loads(done.stdout))


def check(found: dict[str, object], folder: Path, words: str) -> None:
    said = str(found["said"])
    assert f"What MLflow keeps in {folder} could not be written: {words}. Free some room there" in said
    assert "and run the same command." in said
    assert found["code"] == StorageError.exit_code
    assert cast(float, found["seconds"]) < 20  # not the 90 s for a store that is away
    assert found["left"] == {"versions": 0, "uploads": 0, "files": []}
    assert (found["again"], found["uploads"]) == ("cells version 1 (new)", 1)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("free", "words"),
    [
        (0, "database or disk is full"),  # the first row of the run
        (200_000, "No space left on device"),  # the first of the files
        (3_000_000, "No space left on device"),  # within a large file
    ],
)
def test_a_disk_that_fills_up_below_the_store(workspace: Path, release: Path, free: int, words: str) -> None:
    if not may_mount(workspace):
        pytest.skip("this user may not mount")
    store = workspace / ".graftline" / "mlflow"
    kept = workspace / ".graftline" / "mlflow.db"
    shutil.copyfile(store / "mlflow.db", kept)
    before = ("unshare", "-m", "sh", "-c", DISK, str(kept), str(workspace))
    check(attempts(workspace, "disk", free, before), store, words)


@pytest.mark.faults
def test_the_same_where_files_may_not_grow(workspace: Path, release: Path) -> None:
    """The first file that does is SQLite's journal."""
    check(attempts(workspace, "limit", 1_000), workspace / ".graftline" / "mlflow", "disk I/O error")


def test_where_it_was_is_named_as_well_as_it_is_known(tmp_path: Path) -> None:
    no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "graftline-x" / "model.onnx"))
    wrapped = RuntimeError("a library's own words")
    wrapped.__cause__ = no_room
    for error in (no_room, wrapped):
        assert f"in {tmp_path / 'graftline-x'} could not be written: No space" in str(
            full_disk(error, "sqlite:////x/y.db")
        )
    copied = shutil.Error([("a", str(tmp_path / "c" / "b"), "[Errno 28] No space left on device")])
    assert f"in {tmp_path / 'c'} could not be written: No space" in str(full_disk(copied, ""))
    answered = RuntimeError("500: (sqlite3.OperationalError) database or disk is full")
    assert "in https://***@host could not be written: database" in str(
        full_disk(answered, "https://me:canary@host")
    )
    assert "MLflow keeps could not be written: database" in str(full_disk(answered, ""))
    assert full_disk(OSError(errno.EACCES, "Permission denied"), "") is None


def test_a_full_disk_is_not_asked_again() -> None:
    calls = []

    def call() -> None:
        calls.append("once")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match="Free some room"):
        patiently(call, seconds=5, pause=0.01)
    assert calls == ["once"]
