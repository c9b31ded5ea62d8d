"""A line that was trained before its parameters were committed: not promoted, until a commit holds them."""

from pathlib import Path

import pytest
import yaml
from clones import Line, small_line
from run_git import git

pytestmark = pytest.mark.faults


def test_what_was_trained_before_its_commit_is_promoted_after_it(tmp_path: Path) -> None:
    root = small_line(tmp_path)
    params = yaml.safe_load((root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**params, "seed": 3}))
    environment = {"GRAFTLINE_LEDGER_KEY": str(tmp_path / "key.pem"), "PYTHONPATH": ""}
    line = Line(root)
    refused = line.run("flows.train", "--promote", more=environment)
    assert refused.returncode == 3, refused.stderr
    assert (
        "with changes that no commit holds; commit, then `python -m flows.train --promote`" in refused.stdout
    )
    git(root, "commit", "-qam", "another seed, and the locks")
    promoted = line.run("flows.train", "--promote", more=environment)
    assert promoted.returncode == 0, promoted.stdout + promoted.stderr
    assert "version 1 is champion now" in promoted.stdout
