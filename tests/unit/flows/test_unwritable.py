"""A workspace that cannot be written to: one line each, from every command, and no traceback."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from written import PARAMS

ROOT = Path(__file__).parents[3]
NOBODY = 65534
COMMANDS = {
    "components.__main__": ["refresh"],
    "flows.train": ["--no-register"],
    "flows.score": ["--input", "in", "--output", "out", "--bundle", "release"],
    "flows.promote": ["history"],
    "flows.sweep": [],
    "flows.monitor": ["reference"],
}
# One process for all: each would import for a second.
ALL = f"""
import sys
from importlib import import_module
for name, words in {COMMANDS!r}.items():
    print(import_module(name).main(words), file=sys.stderr)
"""


@pytest.fixture
def workspace() -> Iterator[Path]:
    """Not below pytest's own folder, which only one user may enter."""
    root = Path(tempfile.mkdtemp(prefix="graftline-test-"))
    (root / "cells" / "cat").mkdir(parents=True)
    (root / "cells" / "cat" / "1.png").write_bytes(b"1")
    (root / "in").mkdir()
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    (root / "params.yaml").write_text(
        yaml.safe_dump(
            {
                **PARAMS,
                "data": {"source": "file:cells", "licence": "CC0", "layout": "folders"},
                "export": {"parity": {"samples": 1}},
            }
        )
    )
    shutil.copyfile(ROOT / "sweep.yaml", root / "sweep.yaml")
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def start(root: Path, *before: str) -> list[tuple[str, str]]:
    """What each command said last, and its exit code."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words = [*before, sys.executable, "-c", ALL]
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    return [(lines[number - 1], line) for number, line in enumerate(lines) if line.isdigit()]


@pytest.mark.parametrize("whole", [True, False], ids=["workspace", "home"])
def test_another_users_files(workspace: Path, whole: bool) -> None:
    """Another user's workspace, or its `.graftline` alone, as `sudo make run` leaves it."""
    (workspace / ".graftline").mkdir()
    foreign = [workspace, workspace / ".graftline"] if whole else [workspace / ".graftline"]
    before: tuple[str, ...] = ()
    if os.geteuid():
        for folder in foreign:
            folder.chmod(0o555)
    elif shutil.which("setpriv"):
        before = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")  # root as any other user
        for folder in foreign:
            os.chown(folder, NOBODY, NOBODY)
    else:
        pytest.skip("root may write everywhere, and setpriv is missing")
    said = start(workspace, *before)
    for folder in foreign:
        folder.chmod(0o755)
    assert len(said) == len(COMMANDS)
    for line, code in said if whole else said[1:]:  # `refresh` needs no home
        assert code == "14", line
        assert line.startswith("error: "), line
        assert "Permission denied (" in line or "could not be written: Permission denied" in line
        assert " belongs to user " in line
        assert "chown -R" in line


def test_a_read_only_disk(workspace: Path) -> None:
    inside = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    mounted = ("unshare", "-m", "sh", "-c", inside, str(workspace))
    if shutil.which("unshare") is None or subprocess.run([*mounted, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    said = start(workspace, *mounted)
    assert len(said) == len(COMMANDS)
    for line, code in said:
        assert code == "14", line
        assert line.startswith("error: "), line
        assert "Read-only file system" in line
        assert "Mount it writable" in line
