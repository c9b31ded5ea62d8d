"""DVC's lists of the files in a folder, its `.dir` objects, and the paths at which outputs lie.

Both come from outside: who can write to a remote writes such lists, and a branch may bring any `.dvc` file. What they
name is checked before a single byte is written.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from components.errors import StorageError

SUFFIX = ".dir"
LARGEST = 256 * 2**20  # bytes of a list: some 2.5 million files
MD5 = re.compile(r"[0-9a-f]{32}")
CODE = frozenset({"components", "flows", "infra", "examples", "benchmarks", "tests", "docs"})
IMPORTED = (
    ".py",
    ".pyc",
    ".pyw",
    ".pth",
    ".so",
    ".pyd",
)  # what Python would execute instead of what was meant
READ_BY_TOOLS = frozenset({".git", ".gitignore", ".gitattributes", ".gitmodules", ".dvc", ".dvcignore"})
READ_FROM_HERE = frozenset(
    {".env", ".envrc", "makefile", "gnumakefile"}
)  # by shells and make, in their folder
STAGES = frozenset({"dvc.yaml", "dvc.lock"})
DATA = "data"  # the folder in which anything may lie, programs too: nothing is imported from it


@dataclass(frozen=True, order=True)
class Entry:
    """A file of a folder: its path below the folder, and DVC's MD5 of its bytes."""

    path: str
    md5: str


def parse_listing(data: bytes, name: str, output: str) -> list[Entry]:
    """The files that the list `name` puts below the output at `output`.

    Raises StorageError where it is no such list, or names a file that may not be written.
    """
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise StorageError(f"The object {name} of {output} is not a list of files.", _REMEDY) from None
    if not isinstance(values, list):
        raise StorageError(f"The object {name} of {output} is not a list of files.", _REMEDY)
    entries = []
    for value in values:
        path, md5 = (value.get("relpath"), value.get("md5")) if isinstance(value, dict) else (None, None)
        if not (isinstance(path, str) and isinstance(md5, str) and MD5.fullmatch(md5)):
            raise StorageError(f"The object {name} of {output} has a damaged entry: {value!r:.80}.", _REMEDY)
        if why := wrong_name(path, output):
            raise StorageError(f"The object {name} of {output} names {path!r:.120}: {why}.", _REMEDY)
        entries.append(Entry(path, md5))
    _refuse_collisions(entries, name, output)
    return entries


_REMEDY = "Nothing was written. Find out who changed it before you use this remote again."


def wrong_name(path: str, output: str) -> str:
    """Why no file may be written at `path` below `output`; empty where one may."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "\0" in path or re.match(r"[A-Za-z]:", path):
        return "this is no relative path"
    if not all(parts) or {".", ".."} & set(parts):
        return "this leads out of the output's folder"
    if {part.lower() for part in parts} & (READ_BY_TOOLS | STAGES) or parts[-1].lower().endswith(".dvc"):
        return "git or DVC would read it"
    below_data = PurePosixPath(output).parts[0] == DATA
    if parts[-1].lower().endswith(IMPORTED) and not below_data:
        return f"Python could import it; only below {DATA}/ may such files lie"
    if parts[-1].lower() in READ_FROM_HERE and not below_data:
        return f"a shell or make would execute it; only below {DATA}/ may such files lie"
    return ""


def wrong_place(root: Path, path: str, of_stage: bool) -> str:
    """Why no output may lie at `path` in the workspace `root`; empty where one may.

    Args:
        of_stage: whether dvc.yaml names it, which also says what is executed. A `.dvc` file is believed less.
    """
    place = PurePosixPath(path)
    if not place.parts or place.is_absolute() or ".." in place.parts or "\\" in path or "\0" in path:
        return "it leads out of the repository"
    if any(part.startswith(".") for part in place.parts):
        return "it is hidden"
    if place.parts[0].lower() in CODE:
        return f"{place.parts[0]}/ holds code"
    if place.name.lower() in STAGES or place.name.lower().endswith((*IMPORTED, ".dvc")):
        return "it would be executed"
    if not of_stage and len(place.parts) == 1 and (place.suffix or place.name.lower().endswith("file")):
        return f"a .dvc file may bring folders, and files below {DATA}/"
    if root.resolve() not in [(root / path).parent.resolve(), *(root / path).parent.resolve().parents]:
        return "a link leads it out of the repository"
    return ""


def _refuse_collisions(entries: Iterable[Entry], name: str, output: str) -> None:
    """A path that is there twice, or is a file and a folder."""
    known: set[str] = set()
    for entry in sorted(entries):
        above = {str(parent) for parent in PurePosixPath(entry.path).parents}
        if entry.path in known or above & known:
            raise StorageError(f"The object {name} of {output} names {entry.path!r:.120} twice.", _REMEDY)
        known.add(entry.path)


def md5_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def list_folder(folder: Path) -> list[Entry]:
    """The files in `folder`, in DVC's order, by the bytes that lie there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(4) as pool:  # hashing needs no interpreter
        digests = list(pool.map(md5_file, paths))
    named = zip(paths, digests, strict=True)
    return sorted(Entry(path.relative_to(folder).as_posix(), md5) for path, md5 in named)


def listing_name(entries: Iterable[Entry]) -> str:
    """The name of the `.dir` object that holds `entries`, as dvc.lock says it."""
    values = [{"md5": entry.md5, "relpath": entry.path} for entry in sorted(entries)]
    return (
        hashlib.md5(json.dumps(values, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + SUFFIX
    )


def object_name(path: Path) -> str:
    """What dvc.lock would say of the file or folder at `path`, by the bytes that lie there."""
    return listing_name(list_folder(path)) if path.is_dir() else md5_file(path)
