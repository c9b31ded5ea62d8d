"""refresh: look at the source and write down what is there; so DVC and the flow know when data changed."""

import hashlib
import json
import os
import time
from pathlib import Path

from components.data.checks import noted
from components.data.lock import Lock, LockedSource, locate, read_lock
from components.data.reading import with_assignments
from components.errors import DataError, StorageError
from components.params import Params
from components.progress import log
from components.sources import open_source
from components.stages.enough import check_parity_samples
from components.storage.publish import read_json, sha256_bytes, sha256_file, write_bytes, write_json

LOCK = Path("data/source.lock")
# A file written twice within the clock's tick can keep its time; a state this young is not remembered.
SETTLED_SECONDS = 2.0


def refresh(params: Params, root: Path, cache: Path) -> bool:
    """Write `root`/data/source.lock; True if it changed.

    Where nothing can have changed, nothing is read: a source pinned by SHA-256 is known by it, a folder on
    this machine by names, sizes and times of its files (remembered under `cache`/refresh).
    """
    started, path = time.time(), root / LOCK
    state = _state(params, root)
    note = cache / "refresh" / f"{sha256_bytes(str(path.resolve()).encode())[:32]}.json"
    if state is not None and _remembered(note) == {"state": state[0], "lock": _digest(path)}:
        return False
    source = open_source(locate(params.data.source, root), params.data.sha256, cache)
    data = params.data
    lock = Lock(data.source, source.revision, data.licence, data.layout, tuple(source.list()))
    # Written in one file, so that files and sides are always those of one moment.
    locked = LockedSource(lock, source)
    lock, usable, notes = with_assignments(lock, locked, data, params.task, _before(path))
    with noted(notes):
        check_parity_samples(usable, params)
    text = lock.text().encode()
    changed = not path.exists() or path.read_bytes() != text
    if changed:
        write_bytes(path, text)
        log(f"{LOCK}: {len(lock.entries)} files, revision {lock.revision}")
    if state is not None and state[1] < started - SETTLED_SECONDS:
        write_json(note, {"state": state[0], "lock": _digest(path)})
    return changed


def _before(path: Path) -> Lock | None:
    """The lock that is there. One that is damaged counts for nothing: where git has it, it says more."""
    if not path.exists():
        return None
    try:
        return read_lock(path)
    except DataError as error:
        log(
            f"Warning: {error.message} It is written again, without the sides that it kept: if it was committed, run "
            f"`git checkout {LOCK}` and the same command instead."
        )
        return None


def _state(params: Params, root: Path) -> tuple[str, float] | None:
    """(what the source looks like from outside, its newest time); None where only reading can tell."""
    data = params.data
    asked: list[object] = [params.task.model_dump(mode="json")]
    asked.append(data.model_dump(mode="json", exclude={"near_duplicates"}))
    if not data.source.startswith("file:"):
        return (_hash([asked]), 0.0) if data.sha256 else None
    folder = Path(locate(data.source, root).removeprefix("file:"))
    if not folder.is_dir():
        return None
    files, newest = [], 0.0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            found = _stat(Path(place) / name)
            if found is None:
                return None
            files.append([place, name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino])
            newest = max(newest, found.st_mtime, found.st_ctime)
    return _hash([asked, files]), newest


def _stat(path: Path) -> os.stat_result | None:
    """Of the file behind a link, too; None where it leads nowhere: opening the source will say so."""
    try:
        return path.stat()
    except OSError:
        return None


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _remembered(note: Path) -> dict[str, object] | None:
    try:
        return read_json(note)
    except StorageError:
        return None


def _digest(path: Path) -> str:
    return sha256_file(path) if path.exists() else ""
