"""What supervisord starts: this process turns into the server.

So supervisord's file holds no password, and the kernel ends a server whose supervisor was killed.
"""

import ctypes
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from components.errors import GraftlineError, StorageError
from infra.servers.layout import Layout, read_settings
from infra.servers.postgres import Account
from infra.servers.programs import MARK, program, temporary

if TYPE_CHECKING:
    import psutil

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
PATIENCE = 10.0  # seconds for leftovers to end by themselves


def launch(name: str, where: Layout) -> NoReturn:
    """End what a killed predecessor left, then become the server `name`."""
    settings = read_settings(where)
    if settings is None:
        raise GraftlineError(f"{where.folder} holds no servers.", "make up")
    chosen = program(name, where, settings)
    if name == "worker":
        _private(temporary())
    else:
        # Not for the worker: the runs that a killed one left go on, and end by themselves.
        end(left_over(where.folder, name))
    if chosen.account:
        _become(chosen.account)
    os.chdir(chosen.folder)
    _end_with_parent(getattr(signal, f"SIG{chosen.stop}"))
    os.execve(chosen.words[0], list(chosen.words), chosen.environment)  # noqa: S606  # that is the point


def left_over(folder: Path, name: str = "") -> "Iterator[psutil.Process]":
    """Processes that carry the mark of these servers, or of one of them; not this one."""
    import psutil

    mark = f"{folder}#{name}"
    for process in psutil.process_iter():
        try:
            found = process.environ().get(MARK, "")
        except (psutil.Error, OSError):  # somebody else's, or gone
            continue
        if process.pid != os.getpid() and (found == mark or (not name and found.startswith(mark))):
            yield process


def end(processes: "Iterator[psutil.Process]", patience: float = PATIENCE) -> int:
    """TERM, time, KILL. Returns how many there were."""
    import psutil

    left = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            try:
                process.send_signal(number)
            except psutil.Error:
                continue
        _, alive = psutil.wait_procs(left, timeout=patience)
        if not alive:
            break
    return len(left)


def _private(folder: Path) -> None:
    """Raises StorageError where somebody else made it, as anybody may in /tmp."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StorageError(f"{folder} is not a folder for this user alone.", "Remove it, or set TMPDIR.")


def _become(who: Account) -> None:
    os.setgroups([])
    os.setgid(who.gid)
    os.setuid(who.uid)


def _end_with_parent(number: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))
