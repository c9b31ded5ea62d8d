"""A git and DVC repository as a person has it: something edited, something staged, a branch of their own."""

from pathlib import Path

from run_git import git


def make_repository(root: Path) -> None:
    """What lies in `root`, committed on `main`, with an empty folder of DVC: `dvc init` takes seconds."""
    git(root, "init", "-q")
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    autostage = false\n")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text(".graftline/\n__pycache__/\nverdict.json\ndoubled.txt\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "the line")


def begin_work(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "mine")
    (root / "in.txt").write_text("1000")
    (root / "staged.txt").write_text("staged")
    git(root, "add", "staged.txt")
    (root / "untracked.txt").write_text("untracked")


def persons(root: Path) -> tuple[str, ...]:
    """All that a run must leave alone."""
    files = sorted(path for path in root.iterdir() if path.is_file())
    return (
        git(root, "status", "--porcelain=v2", "--branch"),
        git(root, "ls-files", "--stage"),
        git(root, "rev-parse", "HEAD", "main", "mine"),
        git(root, "stash", "list"),
        *(f"{path.name} {path.stat().st_mtime_ns} {path.read_bytes()!r}" for path in files),
    )
