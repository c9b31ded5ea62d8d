"""register pushes first: a version must not point to bytes that only this disk holds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.config import Config

from components.errors import RegistryError
from components.stages.register import push


def _dvc(root: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *words, "-q"], cwd=root, check=True, timeout=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository that holds one file."""
    root = tmp_path_factory.mktemp("made")
    _dvc(root, "init", "--no-scm")
    (root / "model.onnx").write_bytes(b"bytes")
    _dvc(root, "add", "model.onnx")
    return root


@pytest.fixture
def tracked(made: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return shutil.copytree(made, tmp_path / "line")


def _remote(root: Path, place: Path) -> None:
    """What `dvc remote add -d store PLACE` writes, without its two seconds."""
    with Config(str(root / ".dvc"), validate=False).edit() as config:
        config["remote"]["store"] = {"url": str(place)}
        config["core"]["remote"] = "store"


def test_without_a_remote_nothing_is_pushed(tracked: Path) -> None:
    push(tracked)


def test_a_remote_gets_everything_before_a_version_is_made(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    push(tracked)
    assert [path.read_bytes() for path in (tmp_path / "remote").rglob("*") if path.is_file()] == [b"bytes"]


def test_a_remote_that_takes_nothing_stops_the_registration(tracked: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    _remote(tracked, tmp_path / "file" / "remote")
    with pytest.raises(RegistryError, match="The DVC remote did not take everything"):
        push(tracked)


def test_what_this_disk_lost_is_not_said_to_be_pushed(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    for path in [*(tracked / ".dvc" / "cache").rglob("*")]:
        if path.is_file():
            path.unlink()
    with pytest.raises(RegistryError, match="did not take everything"):
        push(tracked)
