"""Plug-ins of a package of its own, in this process: found by its entry points while a test runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path

import pytest
from counting import install

from components.params import plugins

CACHED = (plugins.foreign, plugins.names, plugins.backbones)


@contextmanager
def installed(folder: Path, package: Path) -> Iterator[None]:
    """`package` on the path, as if it were installed in `folder`."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(install(folder, package)))
    _forget(package.name)
    try:
        yield
    finally:
        patch.undo()
        _forget(package.name)


def _forget(package: str) -> None:
    invalidate_caches()
    for one in CACHED:
        one.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
