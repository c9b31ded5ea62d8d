"""`python -m examples NAME`: run an example in a workspace of its own, which shares the caches of this one.

The workspace is a clone of this repository with the example's params.yaml, in `.graftline/examples/NAME/line`;
its data lie beside it.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.ending import guarded
from components.progress import log
from components.runtime.python import module_command
from components.storage.home import home

ROOT = Path(__file__).parents[1]
NAMES = tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/params.yaml")))
# Keyed by digests: whoever fills them, they are true.
SHARED = ("store", "downloads")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=NAMES, help=f"one of {', '.join(NAMES)}")
    parser.add_argument(
        "--stop-after", metavar="STAGE", help="see python -m flows.train --help", default=None
    )
    options = parser.parse_args()
    return guarded(lambda: _run(options.name, options.stop_after))


def _run(name: str, stop_after: str | None) -> int:
    line = workspace(name)
    log(f"The workspace is {line}.")
    words = module_command("flows.train")
    words += ["--stop-after", stop_after] if stop_after else []
    environment = {key: value for key, value in os.environ.items() if key != "GRAFTLINE_HOME"}
    return subprocess.run(words, cwd=line, env=environment, check=False).returncode


def workspace(name: str) -> Path:
    """The example's workspace, made or brought up to date, with its data."""
    from flows.worktree import check_git, git

    check_git(ROOT)
    place = home(ROOT) / "examples" / name
    line = place / "line"
    if not (line / ".git").exists():
        shutil.rmtree(line, ignore_errors=True)
        git(ROOT, "clone", "-q", "--no-hardlinks", str(ROOT), str(line))
        for folder in SHARED:
            (home(ROOT) / folder).mkdir(parents=True, exist_ok=True)
            (line / ".graftline").mkdir(exist_ok=True)
            (line / ".graftline" / folder).symlink_to(home(ROOT) / folder)
        # Another job's lock says nothing about this one.
        for path in ("dvc.lock", "data/source.lock"):
            (line / path).unlink(missing_ok=True)
    _copy_tracked(line)
    _copy(ROOT / "examples" / name / "params.yaml", line / "params.yaml")
    if (ROOT / "examples" / name / "fetch.py").exists():  # else data.source says where the data are
        importlib.import_module(f"examples.{name}.fetch").fetch(place / "data", home(ROOT))
    return line


def _copy_tracked(line: Path) -> None:
    """Whatever was changed here since, committed or not."""
    from flows.worktree import git

    for name in filter(None, git(ROOT, "ls-files", "-z").split("\0")):
        source, target = ROOT / name, line / name
        if name in ("dvc.lock", "data/source.lock", "params.yaml") or not source.is_file():
            continue
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    """What is equal stays as it is: its time tells the flow that nothing changed."""
    if not target.exists() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
