"""A checkout that git does not read is refused at once, with what helps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from run_git import git
from written import PARAMS

from flows.worktree import check_git

ROOT = Path(__file__).parents[3]


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace as a zip file of the repository leaves it, below no repository."""
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["train", "sweep", "scheduled"])
def test_a_download_without_git_is_refused_before_anything_slow(
    command: str, unpacked: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from importlib import import_module

    (unpacked / "sweep.yaml").write_text(yaml.safe_dump({"tune.label_smoothing": [0.0, 0.1]}))
    assert import_module(f"flows.{command}").main([]) == 14
    said = capfd.readouterr().err
    assert "is not in a git repository" in said
    assert "git init && git add -A && git commit" in said
    assert not (unpacked / ".graftline").exists()


def test_the_remedy_helps(unpacked: Path) -> None:
    git(unpacked, "init", "-q")
    check_git(unpacked)


def test_where_dvc_does_without_git_so_do_we(unpacked: Path) -> None:
    (unpacked / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    check_git(unpacked)


def test_another_users_checkout_shows_what_git_says(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from flows.train import main

    git(unpacked, "init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own, for its own tests
    assert main([]) == 14
    said = capfd.readouterr().err
    assert "detected dubious ownership" in said
    assert f"git config --global --add safe.directory {unpacked}" in said


def test_an_example_says_it_too(unpacked: Path) -> None:
    for room in ("components", "examples", "flows"):
        shutil.copytree(ROOT / room, unpacked / room, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "examples", "spam"],
        cwd=unpacked,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 14
    assert done.stderr.startswith(f"error: {unpacked} is not in a git repository")
