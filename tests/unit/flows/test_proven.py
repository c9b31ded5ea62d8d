"""Which commit made what lies in a workspace: the promotion of work that was not committed at first asks for it."""

from pathlib import Path

from run_git import git

from components.stages.dvc_repo import open_repo, proven_commit


def test_a_commit_is_proven_by_contents_not_by_dates(line: Path) -> None:
    def made_by() -> str:
        return proven_commit(line, open_repo(line))

    assert made_by() == "", "no git repository"
    (line / "in.txt").write_text("3")
    (line / ".gitignore").write_text("doubled.txt\nverdict.json\n.graftline\n__pycache__\n.dvc\n")
    git(line, "init", "-q")
    git(line, "add", "-A")
    git(line, "commit", "-qm", "the line")
    assert made_by() == "", "nothing was made yet"
    (line / "in.txt").write_text("4")
    for stage in ("double", "judge"):
        open_repo(line).reproduce(stage)
    assert made_by() == "", "made of what no commit holds"
    git(line, "commit", "-qam", "what it was made of")
    assert git(line, "status", "--porcelain") == "?? dvc.lock"  # a result, and no difference
    assert made_by() == git(line, "rev-parse", "HEAD")
    (line / "in.txt").write_text("5")
    git(line, "commit", "-qam", "another input")
    assert made_by() == "", "not brought up to date with this commit"
