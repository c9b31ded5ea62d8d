"""With a safe path (`python -P`), Python imports nothing from the current folder; this finds the line's packages there.

`infra/install.sh` puts it into the environment. So a `yaml.py` that lies at the top of a workspace is never executed,
while a git worktree, which shares another checkout's environment, still runs its own code.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PACKAGES = frozenset({"benchmarks", "components", "examples", "flows", "infra"})


class CurrentFolder:
    """Finds `PACKAGES` in the folder in which Python was started."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in PACKAGES:
            return None
        if not os.path.isfile(os.path.join(self._folder, name, "__init__.py")):  # noqa: PTH113, PTH118
            return None
        return PathFinder.find_spec(name, [self._folder])


def install() -> None:
    """After what is on the path, before what `pip install -e` maps to another checkout."""
    try:
        finder = CurrentFolder(os.getcwd())  # noqa: PTH109 - pathlib would cost each start of Python 5 ms
    except OSError:  # the folder was removed
        return
    sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, finder)
