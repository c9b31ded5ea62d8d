"""Uncommitted work, from git over the run and the version to the ruling: recorded, and not promoted."""

import pytest
from promoted import PASS, Line
from run_git import git

from components.data.dataset import Dataset
from components.registry.lineage import lineage
from components.registry.register import Candidate, register
from components.registry.runs import start_run
from components.stages.promote import promote
from components.stages.register import samples


@pytest.fixture
def line(new_line: Line) -> Line:
    """A line in git, in which somebody edits code."""
    root = new_line.root
    (root / ".gitignore").write_text("/*\n!/code.py\n")
    (root / "code.py").write_text("as committed")
    git(root, "init", "-q")
    git(root, "add", "-f", ".gitignore", "code.py")
    git(root, "commit", "-qm", "the line")
    (root / "code.py").write_text("edited")
    return new_line


def test_what_no_commit_held_waits_for_a_run_that_proves_it(line: Line) -> None:
    run = start_run(line.root, line.params, "flow")
    line.release()
    tags, listed = lineage(line.root), samples(Dataset.open(line.root / "dataset"))
    assert tags["graftline.git_dirty"] == "true"
    made = Candidate(line.root / "release", PASS, PASS, tags, {}, ["CPUExecutionProvider"], None, listed)
    register(line.root, line.params.tracking, made, run)
    refused = promote(line.root, line.params)
    assert (refused.outcome, line.champion) == ("refused", None)
    assert "with changes that no commit holds" in refused.ruling.reasons[0]

    git(line.root, "commit", "-qam", "what it was trained with")
    assert promote(line.root, line.params).outcome == "refused", "a commit alone proves nothing"
    commit = git(line.root, "rev-parse", "HEAD")
    done = promote(line.root, line.params, proven=commit)
    assert (done.outcome, line.champion) == ("promote", "1")
    facts = next(entry.note.facts for entry in line.entries if entry.note.kind == "promote")
    assert (facts["git_commit"], facts["git_dirty"]) == (commit, "false")
