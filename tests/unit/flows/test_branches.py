"""What runs leave in git, which is also what the next one knows of them."""

from pathlib import Path

import pytest
from run_git import git

from components.errors import GraftlineError
from flows.branches import commit_locks, fetch_runs, finish, past_runs, push_branch
from tests.unit.flows.repository import begin_work, make_repository, persons


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "line"
    root.mkdir()
    make_repository(root)
    begin_work(root)
    return root


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    git(root, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "main")
    return tmp_path / "tree"


def run(tree: Path, locks: str) -> str:
    """A run from `main` that wrote these locks."""
    git(tree, "reset", "-q", "--hard", "main")
    (tree / "data").mkdir(exist_ok=True)
    for name in ("data/source.lock", "dvc.lock"):
        (tree / name).write_text(locks)
    return commit_locks(tree, f"Run on {locks}")


def test_a_branch_has_the_revision_and_both_locks(root: Path, tree: Path) -> None:
    before = persons(root)
    branch = run(tree, "a")
    assert branch.startswith("runs/20")
    assert git(root, "diff", "--name-only", "main", branch).splitlines() == ["data/source.lock", "dvc.lock"]
    assert git(root, "rev-parse", f"{branch}^") == git(root, "rev-parse", "main")
    assert git(tree, "rev-parse", "HEAD") == git(root, "rev-parse", branch)
    assert git(tree, "status", "--porcelain") == ""
    assert git(root, "log", "-1", "--format=%an", branch) == "Graftline"
    (past,) = past_runs(root)
    assert (past.number, past.outcome) == (1, "")
    finish(root, branch, "Completed", "version 1 is champion now")
    (past,) = past_runs(root)
    assert (past.number, past.outcome) == (1, "Completed")
    assert git(root, "diff", f"{branch}^", branch) == ""
    assert persons(root) == before


def test_the_very_same_files_are_the_same_run(root: Path, tree: Path) -> None:
    branch = run(tree, "a")
    assert run(tree, "a") == branch
    finish(root, branch, "Completed", "done")
    assert run(tree, "a") == branch
    assert len(past_runs(root)) == 1


def test_the_newest_is_the_last_one_made_whatever_the_clock_said(
    root: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tree, "a")
    finish(root, first, "Completed", "done")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
    second = run(tree, "b")
    assert [past.branch for past in past_runs(root)] == [f"refs/heads/{second}", f"refs/heads/{first}"]
    # Back to the first one's data: its branch is the newest again.
    run(tree, "a")
    finish(root, first, "Completed", "done again")
    assert past_runs(root)[0].branch == f"refs/heads/{first}"


def test_another_machine_knows_the_runs_that_were_pushed(root: Path, tree: Path, tmp_path: Path) -> None:
    git(root, "clone", "-q", "--bare", str(root), str(tmp_path / "shared.git"))
    git(root, "remote", "add", "shared", str(tmp_path / "shared.git"))
    git(root, "clone", "-q", str(tmp_path / "shared.git"), str(tmp_path / "other"))
    branch = run(tree, "a")
    push_branch(root, "shared", branch)
    fetch_runs(tmp_path / "other", "origin")
    (past,) = past_runs(tmp_path / "other")
    assert past.branch == f"refs/remotes/origin/{branch}"
    assert past.commit == git(root, "rev-parse", branch)
    with pytest.raises(GraftlineError, match="The git remote nowhere did not take runs/"):
        push_branch(root, "nowhere", branch)
