"""Plug-ins of other distributions as dependencies of stages: by the SHA-256 of their package, in versions.json.

What params choose from this repository, dvc.yaml names as a file. A package of another distribution lies elsewhere on
each machine, so its digest stands where the versions of libraries stand, below `packages`, and is compared likewise.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from importlib.util import find_spec
from pathlib import Path

from components.errors import ParamsError, StorageError
from components.params import Params, plugins
from components.params.plugins import Foreign
from components.stages.table import STAGES, Plugin, Stage
from components.storage.publish import read_json, sha256_file

TRACKED = False  # compares digests, and names a training's folder by them

PACKAGES = "packages"  # the key in versions.json
ACCEPT = (
    "Accept the packages that are installed: python -m components versions --write && "
    "python -m components graph --write"
)
Names = Callable[[str], object]  # key of params.yaml → what is chosen there


def named(values: Mapping[str, object]) -> Names:
    """Of params.yaml as it is written; None where nothing is."""

    def name(key: str) -> object:
        found: object = values
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    return name


def checked(params: Params) -> Names:
    """Of the checked tree, or of the sections that a stage sees."""
    return lambda key: reduce(getattr, key.split("."), params)


def other(plugin: Plugin, names: Names) -> Foreign | None:
    """The plug-in of another distribution that is chosen; None where it is one of this repository."""
    return plugins.foreign(plugin.table or plugin.room).get(str(names(plugin.key)))


def packages(rows: Iterable[Stage], names: Names) -> list[str]:
    """Packages that these stages use, sorted."""
    found = (other(plugin, names) for row in rows for plugin in row.plugins)
    return sorted({one.package for one in found if one is not None})


def digest(package: str) -> str:
    """SHA-256 over paths and contents of all files of the package, but for compiled ones. Nothing is imported."""
    made = hashlib.sha256()
    for root in _folders(package):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            if "__pycache__" not in path.parts and path.suffix != ".pyc":
                made.update(f"{path.relative_to(root).as_posix()}\0{sha256_file(path)}\n".encode())
    return made.hexdigest()


def digests(rows: Iterable[Stage], names: Names) -> dict[str, str]:
    """Package → its digest."""
    return {package: digest(package) for package in packages(rows, names)}


def check_packages(rows: Sequence[Stage], root: Path, names: Names) -> None:
    """StorageError where versions.json or dvc.yaml is not about the packages that are chosen and installed.

    dvc.yaml that was written for other plug-ins would leave out files that a stage depends on.
    """
    graph = (root / "dvc.yaml").read_text(encoding="utf-8") if (root / "dvc.yaml").exists() else ""
    there = [row for row in rows if f"\n  {row.name}:\n" in graph]
    for plugin in {plugin for row in there for plugin in row.plugins}:
        if (plugin.path in graph) != (other(plugin, names) is None):
            raise StorageError(
                f"dvc.yaml was not written for {plugin.key}: {names(plugin.key)}, which params.yaml says.",
                ACCEPT,
            )
    expected = _expected(root / "versions.json")
    for package, installed in digests(rows, names).items():
        if (known := expected.get(package)) != installed:
            said = f"says {str(known)[:12]}…" if known else "does not name it"
            raise StorageError(
                f"The package {package} has SHA-256 {installed[:12]}…, versions.json {said}.", ACCEPT
            )


def check_all(root: Path, params: Params) -> None:
    """As `check_packages`, of all stages."""
    check_packages(STAGES, root, checked(params))


def _expected(path: Path) -> Mapping[str, object]:
    found = read_json(path).get(PACKAGES) if path.exists() else None
    return found if isinstance(found, Mapping) else {}


def _folders(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ParamsError(
            f"{package}, which an entry point names, is no package that can be imported.", "Install it again."
        )
    return sorted(Path(folder) for folder in spec.submodule_search_locations)
