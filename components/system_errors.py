"""What the operating system refuses, as errors of ours: a full or read-only disk, another user's files, no memory."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import GraftlineError, OutOfResources, StorageError

TRACKED = False  # texts and exit codes

AGAIN = "and run the same command."
MORE_MEMORY = f"Lower runtime.threads, features.batch or data.limits.max_pixels, {AGAIN}"
# What the system says about a disk, and what helps.
DISK = {
    errno.ENOSPC: f"Free some room, {AGAIN}",
    errno.EDQUOT: f"Free some room, or ask for a larger quota, {AGAIN}",
    errno.EFBIG: f"Free some room, or raise the limit on file sizes (ulimit -f), {AGAIN}",
    errno.EROFS: f"Mount it writable, or work in a copy of this folder, {AGAIN}",
    errno.EIO: f"Check the disk or the mount, {AGAIN}",
    errno.ESTALE: f"Mount the share again, {AGAIN}",
    errno.ENOTDIR: f"Move the file away that stands where a folder belongs, {AGAIN}",
    errno.EISDIR: f"Move the folder away that stands where a file belongs, {AGAIN}",
    errno.EEXIST: f"Move it away, {AGAIN}",
    errno.ELOOP: f"Remove the link that leads to itself, {AGAIN}",
    errno.ENAMETOOLONG: "Use a shorter path.",
}
# What numpy says where a file takes no more: the system's own reason is lost.
CUT_SHORT = re.compile(r"(\d+) requested and (\d+) written")
NOT_OURS = f"Run as its owner, or give it to this user (chown -R), {AGAIN}"


def from_system(error: BaseException) -> GraftlineError | None:
    """What the system refused, as an error of ours; None where `error` is nothing that a user can cause.

    A library may have wrapped what the system said: the causes that `error` declares are looked at, too.
    """
    for cause in _causes(error):
        if isinstance(cause, MemoryError):
            return OutOfResources("Memory ran out.", MORE_MEMORY)
        if "can't start new thread" in str(cause):
            return OutOfResources(
                "The system starts no more threads.", f"Raise the limit (ulimit -u), {AGAIN}"
            )
        refused = _loop(cause) or cause
        if isinstance(refused, OSError) and (known := _refused(refused)):
            return known
    return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses while `path` is written, as an error of ours that names it and what helps."""
    try:
        yield
    except OSError as error:
        known = from_system(error) or StorageError(f"{error.strerror or error}.")
        raise type(known)(f"{path} could not be written: {known.message}", known.remedy) from error


def remedy_of(error: OSError) -> str:
    """What helps where the system refuses, for an error that has words of its own; empty where nothing is known."""
    known = from_system(error)
    return known.remedy if known else ""


def _loop(error: BaseException) -> OSError | None:
    """What the system said of a link to itself, where `Path.resolve` makes a RuntimeError of it (until Python 3.13)."""
    said = error.__context__
    is_one = isinstance(error, RuntimeError) and isinstance(said, OSError) and said.errno == errno.ELOOP
    return said if is_one and isinstance(said, OSError) else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _refused(error: OSError) -> GraftlineError | None:
    where = f" ({error.filename})" if error.filename else ""
    match error.errno:
        case errno.ENOMEM:
            return OutOfResources(f"{error.strerror}{where}.", MORE_MEMORY)
        case errno.EMFILE | errno.ENFILE:
            return OutOfResources(
                f"{error.strerror}{where}: {_open_files()}.", f"Raise it (ulimit -n 4096), {AGAIN}"
            )
        case errno.EACCES | errno.EPERM if error.filename:
            return StorageError(f"{error.strerror}{where}{_owner(str(error.filename))}.", NOT_OURS)
    if error.errno is None and (cut := CUT_SHORT.fullmatch(str(error))):
        return StorageError(
            f"Only {cut[2]} of {cut[1]} values could be written to a file.", DISK[errno.ENOSPC]
        )
    remedy = DISK.get(error.errno or 0)
    return StorageError(f"{error.strerror}{where}.", remedy) if remedy else None


def _open_files() -> str:
    import resource

    return f"a process may have {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"


def _owner(name: str) -> str:
    """Whose `name` is, or the folder that it would lie in, and who asks."""
    for path in (Path(name), *Path(name).parents):
        try:
            found = path.stat()
        except OSError:
            continue
        return f": {path} belongs to user {_user(found.st_uid)}, and this process to {_user(os.geteuid())}"
    return ""


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
