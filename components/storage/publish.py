"""Bytes on disk, by name and whole: everything appears by rename or not at all."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.errors import Busy, StorageError
from components.system_errors import writing

Json = dict[str, object] | list[object] | str | int | float | bool | None


def sha256_bytes(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_tree(path: Path) -> str:
    """Digest of a file, or of a folder's sorted (relative path, SHA-256) pairs."""
    if path.is_file():
        return sha256_file(path)
    if not path.is_dir():
        raise StorageError(f"{path} does not exist.", "Run the stage that makes it.")
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to `path`: temporary file, fsync, rename. Until then, what was there stays."""
    temporary = _temporary(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):  # what is wrong with its folder is said already
            temporary.unlink()


def _temporary(target: Path) -> Path:
    """A name beside `target`. Python's own temporary files are for their owner alone; these keep the umask."""
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}")


def write_json(path: Path, value: object) -> None:
    """Sorted keys, two spaces, no NaN or infinity: equal values give equal bytes."""
    try:
        text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise StorageError(f"{path.name} would hold a number that is not finite: {error}.") from error
    write_bytes(path, f"{text}\n".encode())


def read_json(path: Path) -> dict[str, object]:
    """The object in `path`; a StorageError where it is missing or is not a JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StorageError(f"{path} does not exist.", "Run the stage that makes it.") from error
    except ValueError as error:
        raise StorageError(f"{path} is damaged: {error}.", "Remove it and run the same command.") from error
    if not isinstance(value, dict):
        raise StorageError(f"{path} holds a {type(value).__name__}, not an object.")
    return value


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def publish_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`; on success it replaces `target`, on failure it vanishes."""
    temporary = _temporary(target)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        remove(target)
        temporary.rename(target)
        sync_folder(target.parent)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


@contextmanager
def kernel_lock(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold an exclusive lock that the kernel frees when the holder dies, however it dies.

    Raises Busy when another process still holds it after `wait_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    raise Busy(
                        f"Another process (pid {holder}) holds {path.name}.", "Wait for it, or stop it."
                    ) from None
                time.sleep(0.05)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def append_line(path: Path, value: object) -> None:
    """Append one JSON line, in one write, to a log that several processes may share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(value, sort_keys=True, allow_nan=False) + "\n"
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())
