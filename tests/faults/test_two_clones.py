"""Two clones of one commit, in folders of their own and with nothing computed before: equal in every locked output."""

import shutil
from pathlib import Path

import pytest
import yaml
from clones import Line, small_line
from run_git import git

from components.stages.table import STAGES

pytestmark = pytest.mark.faults


def cloned(first: Path, place: Path) -> Path:
    """A clone of `first` in `place`, with copies of what lies beside it; DVC's caches and ours are empty."""
    for name in ("pictures", "weights.safetensors"):
        beside = first.parent / name
        copied = shutil.copytree if beside.is_dir() else shutil.copy
        copied(beside, place / name)
    git(place, "clone", "-q", str(first), "line")
    return place / "line"


def run(root: Path) -> dict[str, object]:
    """dvc.lock, after the whole line."""
    assert not (root / ".graftline").exists()
    assert not (root / ".dvc" / "cache").exists()
    done = Line(root).run("flows.train", "--no-register", more={"PYTHONPATH": ""}, timeout=1500)
    assert done.returncode in (0, 3), done.stderr  # 3: on 15 test samples the gate may refuse
    lock: dict[str, object] = yaml.safe_load((root / "dvc.lock").read_text())
    return lock


def outputs(lock: dict[str, object]) -> dict[str, str]:
    """Digest of each output."""
    stages: dict[str, dict[str, list[dict[str, str]]]] = lock["stages"]  # type: ignore[assignment]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def test_two_clones_agree_in_every_locked_output(tmp_path: Path) -> None:
    for name in ("one", "another place"):
        (tmp_path / name).mkdir()
    first = small_line(tmp_path / "one", runtime={"threads": 2})
    second = cloned(first, tmp_path / "another place")
    assert git(first, "rev-parse", "HEAD") == git(second, "rev-parse", "HEAD")
    one, other = run(first), run(second)
    assert outputs(one).keys() == {out for row in STAGES for out in row.outputs}
    assert outputs(one) == outputs(other)
    assert one == other  # commands, dependencies and parameters, too
    assert (first / "data" / "source.lock").read_bytes() == (second / "data" / "source.lock").read_bytes()
