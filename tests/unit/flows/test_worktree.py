"""A worktree for a run: clean, the same data and caches, and nothing of a person's is touched."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.config import Config
from run_git import git

from components.errors import Busy, ParamsError, SourceError
from components.registry.lineage import git_state
from components.storage.home import stage_lock
from components.storage.publish import kernel_lock
from components.training.interrupts import CRASH_POINT
from flows.worktree import line_lock, resolve, worktree
from tests.unit.flows.repository import begin_work, make_repository, persons

REPO = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "line"
    root.mkdir()
    (root / "in.txt").write_text("3")
    (root / "params.yaml").write_text("data: {source: 'file:../../cells'}\n")
    make_repository(root)
    begin_work(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    (tmp_path / "cells").mkdir()
    shutil.copytree(made, tmp_path / "work" / "line")
    return tmp_path / "work" / "line"


def commit_params(root: Path, text: str) -> str:
    """`text` as params.yaml of a commit that no branch of the person's has."""
    place = root.parent / "elsewhere"
    git(root, "worktree", "add", "-q", "--detach", str(place), "main")
    (place / "params.yaml").write_text(text)
    git(place, "commit", "-qam", "params")
    commit = git(place, "rev-parse", "HEAD")
    git(root, "worktree", "remove", str(place))
    return commit


def test_it_is_clean_and_leaves_a_persons_work_alone(root: Path) -> None:
    before = persons(root)
    with worktree(root, resolve(root, "main")) as tree:
        assert root / ".graftline" in tree.parents
        assert (tree / "in.txt").read_text() == "3"
        assert not (tree / "untracked.txt").exists()
        assert git_state(tree)["graftline.git_commit"] == git(root, "rev-parse", "main")
        assert git_state(tree)["graftline.git_dirty"] == "false"
        (tree / "in.txt").write_text("4")
        assert git_state(tree)["graftline.git_dirty"] == "true"
        assert persons(root) == before
    assert not tree.exists()
    assert len(git(root, "worktree", "list").splitlines()) == 1
    assert persons(root) == before


def test_relative_words_lead_to_the_same_files(root: Path) -> None:
    with worktree(root, resolve(root, "main")) as tree:
        assert (tree / "../../cells").resolve() == root.parents[1] / "cells"
    (root.parent / "weights").write_text("weights")
    (root / "pictures").mkdir()
    text = "data: {source: 'file:pictures'}\nbackbone: {uri: 'file:../weights'}\n"
    commit = commit_params(root, text)
    with (
        pytest.raises(ParamsError, match=r"data.source .* Write /pictures into .gitignore"),
        worktree(root, commit),
    ):
        pass
    (root / ".git" / "info" / "exclude").write_text("/pictures\n")
    with worktree(root, commit) as tree:
        assert (tree / "pictures").resolve() == root / "pictures"
        assert (tree / "../weights").read_text() == "weights"
        assert git_state(tree)["graftline.git_dirty"] == "false"
    assert (root / "pictures").is_dir()


def test_dvcs_cache_settings_and_remotes_are_shared(root: Path) -> None:
    with Config(str(root / ".dvc")).edit("local") as local:
        local["remote"]["store"] = {"url": str(root / "../store")}
        local["core"]["remote"] = "store"
    with worktree(root, resolve(root, "main")) as tree:
        found = Config(str(tree / ".dvc"))
        assert Path(found["cache"]["dir"]) == root / ".dvc" / "cache"
        assert Path(found["remote"]["store"]["url"]).resolve() == root.parent / "store"
        assert found["core"]["remote"] == "store"
        assert (tree / ".dvc" / "config.local").stat().st_mode & 0o077 == 0
        assert git_state(tree)["graftline.git_dirty"] == "false"


def test_what_a_killed_run_left_is_removed_and_nothing_else(root: Path) -> None:
    lost = root.parent / "lost"
    git(root, "worktree", "add", "-q", "--detach", str(lost), "main")
    shutil.rmtree(lost)  # as on a disk that is not mounted
    code = f"from flows.worktree import *; c = worktree(Path({str(root)!r}), 'main'); c.__enter__()"
    words = [sys.executable, "-c", code]
    killed = subprocess.run(words, cwd=REPO, env={CRASH_POINT: "scheduled:worktree", "PATH": "/usr/bin:/bin"})
    assert killed.returncode == -9
    assert len(git(root, "worktree", "list").splitlines()) == 3
    with worktree(root, resolve(root, "main")) as tree, kernel_lock(stage_lock(tree, "workspace")):
        pass
    listed = git(root, "worktree", "list").splitlines()
    assert len(listed) == 2
    assert str(lost) in listed[1]


def test_one_run_of_a_line_at_a_time(root: Path) -> None:
    with line_lock(root, 0), pytest.raises(Busy), line_lock(root, 0.1):
        pass
    with line_lock(root, 0):
        pass


def test_a_revision_is_fetched_where_it_is_a_remotes(root: Path, tmp_path: Path) -> None:
    git(root, "clone", "-q", str(root), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    git(root, "commit", "-q", "--allow-empty", "-m", "newer")
    newer = git(root, "rev-parse", "mine")
    assert git(clone, "rev-parse", "origin/mine") != newer
    assert resolve(clone, "origin/mine") == newer
    assert resolve(clone, newer[:10]) == newer
    with pytest.raises(ParamsError, match="'nowhere' is not in"):
        resolve(clone, "nowhere")
    shutil.move(root, tmp_path / "away")
    with pytest.raises(SourceError, match="origin/mine cannot be fetched"):
        resolve(clone, "origin/mine")
