"""With a safe path (`python -P`), Python imports nothing from the current folder; this finds the line's packages there.

`infra/install.sh` puts it into the environment. So a `yaml.py` that lies at the top of a workspace is never executed,
while a git worktree, which shares another checkout's environment, still runs its own code.

Some put the folder on the path all the same: Prefect does so for a deployment's flow, by PYTHONPATH and by `sys.path`.
With a safe path, a folder that holds a line gives the line's packages alone, whoever names it.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

PACKAGES = frozenset({"benchmarks", "components", "examples", "flows", "infra", "tests"})
MARKS = ("components/__init__.py", "flows/__init__.py")  # what a folder that holds a line has


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


class OnPath:
    """What stands for a line's folder on `sys.path`: it finds `PACKAGES` there, and no other module."""

    def __init__(self, folder: str) -> None:
        self._finder = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))

    @classmethod
    def hook(cls, path: str) -> "OnPath":
        """One of `sys.path_hooks`."""
        folder = path or os.getcwd()  # noqa: PTH109
        if not all(os.path.isfile(os.path.join(folder, mark)) for mark in MARKS):  # noqa: PTH113, PTH118
            raise ImportError("no line is there", path=path)
        return cls(folder)

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        return self._finder.find_spec(name) if name in PACKAGES else None

    def invalidate_caches(self) -> None:
        self._finder.invalidate_caches()


def install() -> None:
    """Before all else that names the line's packages: the path, where Prefect's worker leaves the folder of another
    line to the processes that its flow starts, and what `pip install -e` maps to another checkout."""
    if sys.flags.safe_path:
        sys.path_hooks.insert(0, OnPath.hook)
        for path in sys.path:  # what was found out before the hook was there
            sys.path_importer_cache.pop(path, None)
    try:
        finder = CurrentFolder(os.getcwd())  # noqa: PTH109 - pathlib would cost each start of Python 5 ms
    except OSError:  # the folder was removed
        return
    sys.meta_path.insert(sys.meta_path.index(PathFinder), finder)
