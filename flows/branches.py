"""What runs leave in git: a branch each, `runs/DATE-DIGEST`, with the revision and its two locks.

They are also the memory of the schedule. A ref appears whole or not at all, so whoever is killed leaves none half
written: the first commit holds the locks, and a second, empty one says how the run ended, once it has.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from components.errors import GraftlineError
from components.training.interrupts import crash_point
from flows.worktree import git, run_git

LOCKS = ("data/source.lock", "dvc.lock")
PREFIX = "refs/heads/runs/"
NUMBER, OUTCOME, REFUSED = "Graftline-Run", "Graftline-Outcome", "Graftline-Refused"
FIELDS = ("refname", "objectname", "tree", "committerdate:unix", "contents:trailers:only=true")


@dataclass(frozen=True)
class Past:
    """A run that has its branch.

    Attributes:
        branch: its ref; of another machine's run that was fetched, the one of the remote.
        tree: git's digest of all files, the locks among them.
        number: runs are counted; the clock of a machine may go back.
        outcome: how it ended; empty where it was killed, refused, or failed after it had its locks.
        refused: by what it was judged and refused; empty where it was not.
    """

    branch: str
    commit: str
    tree: str
    number: int
    at: int
    outcome: str
    refused: str = ""


def past_runs(root: Path) -> list[Past]:
    """The newest first."""
    line = "%1f".join(f"%({name})" for name in FIELDS)
    said = git(root, "for-each-ref", f"--format={line}%1e", PREFIX, "refs/remotes/*/runs/*")
    found = [_past(record.strip("\n").split("\x1f")) for record in said.split("\x1e") if record.strip()]
    return sorted(found, key=lambda run: (run.number, run.at), reverse=True)


def fetch_runs(root: Path, remote: str) -> None:
    """The runs of other machines, which push theirs to `remote`; one that is away is no hindrance."""
    run_git(
        root, ("fetch", "--quiet", "--no-tags", remote, f"refs/heads/runs/*:refs/remotes/{remote}/runs/*")
    )


def commit_locks(tree: Path, message: str) -> str:
    """The run's branch, with both locks in a commit; that of an earlier run of the very same files is taken up.

    HEAD of the worktree follows, so that a version names a commit that has its locks.
    """
    for name in LOCKS:
        git(tree, "add", "--force", "--", name)
    written = git(tree, "write-tree")
    known = [run for run in past_runs(tree) if run.tree == written and run.branch.startswith(PREFIX)]
    if known:
        git(tree, "reset", "--quiet", "--soft", known[0].commit)
        return known[0].branch.removeprefix("refs/heads/")
    text = f"{message}\n\n{NUMBER}: {1 + max((run.number for run in past_runs(tree)), default=0)}\n"
    commit = git(tree, "commit-tree", written, "-p", "HEAD", "-m", text)
    branch = f"runs/{time.strftime('%Y-%m-%d', time.gmtime())}-{written[:8]}"
    crash_point("scheduled:committed")
    git(tree, "update-ref", f"refs/heads/{branch}", commit)
    git(tree, "reset", "--quiet", "--soft", commit)
    return branch


def finish(root: Path, branch: str, outcome: str, message: str, trailer: str = OUTCOME) -> None:
    """Write down that the run of `branch` ended well, or with REFUSED that it was refused: an empty commit on top."""
    ref = f"refs/heads/{branch}"
    tip, tree = git(root, "rev-parse", ref, f"{ref}^{{tree}}").split()
    newest = past_runs(root)[0]
    number = newest.number + (newest.commit != tip)  # an earlier run's branch, taken up, becomes the newest
    text = f"{message}\n\n{NUMBER}: {number}\n{trailer}: {outcome}\n"
    commit = git(root, "commit-tree", tree, "-p", tip, "-m", text)
    git(root, "update-ref", ref, commit, tip)


def push_branch(root: Path, remote: str, branch: str) -> None:
    """Raises GraftlineError where the remote does not take it: a version must not name a commit of this disk alone."""
    done = run_git(root, ("push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}"))
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1]
        raise GraftlineError(
            f"The git remote {remote} did not take {branch}: {said}", "The same command tries again."
        )


def _past(fields: list[str]) -> Past:
    ref, commit, tree, at, trailers = fields
    said = dict(line.split(": ", 1) for line in trailers.splitlines() if ": " in line)
    number = said.get(NUMBER, "")
    count = int(number) if number.isdigit() else 0
    return Past(ref, commit, tree, count, int(at or 0), said.get(OUTCOME, ""), said.get(REFUSED, ""))
