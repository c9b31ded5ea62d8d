"""Packages of plug-ins in this process: on the path with their entry points for a while, then forgotten."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path

from counting import install
from lines import ROOT

from components.params import plugins

CACHED = (plugins._points, plugins.foreign, plugins.names, plugins.backbones)


def forget(*packages: str) -> None:
    """What this process knows of installed plug-ins, and the modules of these packages."""
    invalidate_caches()
    for one in CACHED:
        one.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@contextmanager
def plugged(folder: Path, source: Path | str) -> Iterator[Path]:
    """A package, or one of `tests/plugins` by its name, installed in `folder` until the block ends."""
    place = ROOT / "tests" / "plugins" / source
    install(folder, place)
    sys.path.insert(0, str(folder))
    forget(place.name)
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        forget(place.name)
