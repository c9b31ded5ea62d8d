"""Paths on this machine, as people write them: `~`, environment variables, Windows paths."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from components.errors import meant

WINDOWS = re.compile(r"(?:file:/*)?(?P<path>(?P<drive>[A-Za-z]):[\\/].*|\\\\.*)", re.DOTALL)
VARIABLE = re.compile(r"\$\{?[A-Za-z_]")


def on_this_machine(address: str) -> str:
    """`address` with the home folder in the place of `~`, as a shell has it. ValueError for a path of Windows."""
    if (found := WINDOWS.fullmatch(address)) is not None:
        drive, path = found["drive"], found["path"].replace("\\", "/")
        advice = (
            f"in WSL, write 'file:/mnt/{drive.lower()}{path[2:]}'"
            if drive
            else "mount the share and write 'file:' and the folder where it is mounted"
        )
        raise ValueError(f"'{found['path']}' is a Windows path; {advice}")
    scheme, path = ("file:", address[5:]) if address.startswith("file:") else ("", address)
    if address == "file:":
        raise ValueError("'file:' names no folder or file; the workspace itself is 'file:.'")
    return scheme + at_home(path)


def at_home(path: str) -> str:
    """Not by pathlib, which takes away what it holds for needless: the / at the end, the second one of s3://."""
    return os.path.expanduser(path)  # noqa: PTH111


def missing(values: Mapping[str, object], root: Path) -> list[str]:
    """What to say of each address in params whose file or folder is not there, relative to the workspace `root`."""
    wrong = []
    for section, key in (("data", "source"), ("backbone", "uri")):
        chosen = values.get(section)
        uri = chosen.get(key) if isinstance(chosen, dict) else None
        if not isinstance(uri, str) or not uri.startswith("file:") or WINDOWS.fullmatch(uri):
            continue
        written = uri.removeprefix("file:")
        path = Path(os.path.normpath(root / at_home(written)))
        if not path.exists():
            wrong.append(f"{section}.{key}: {path} does not exist{_hint(written, path, root)}")
    return wrong


def _hint(written: str, path: Path, root: Path) -> str:
    if VARIABLE.search(written):
        told = os.path.expandvars(written)
        value = f"'file:{told}'" if told != written else "the path itself"
        return f"; environment variables are not expanded here: write {value}"
    slashes = written.replace("\\", "/")
    if slashes != written and (root / slashes).exists():
        return f"; folders are separated by /: write 'file:{slashes}'"
    return meant(path.name, _names(path.parent))


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
