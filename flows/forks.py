"""Where stages of a flow are forks: of one process, `components.forkserver.server`, that starts when the first is run.

A flow that has nothing to run never starts it.
"""

import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.forkserver.protocol import ADDRESS
from components.runtime.python import module_command


@contextmanager
def forked_stages(root: Path, cores: int) -> Iterator[None]:
    """Within, `python -m components STAGE` in `root` is handed over. Where Linux has not what that takes, it is not."""
    if not _possible():
        yield
        return
    name = f"graftline-{secrets.token_hex(16)}"  # of an abstract socket: no file to leave behind
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        starter = _Starter(listener, root, cores)
        starter.start()
        os.environ[ADDRESS] = name
        try:
            yield
        finally:
            os.environ.pop(ADDRESS, None)
            starter.close()


def _possible() -> bool:
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class _Starter(threading.Thread):
    """Starts the server at the first call, and leaves the socket to it: when it dies, the socket is gone, too."""

    def __init__(self, listener: socket.socket, root: Path, cores: int) -> None:
        super().__init__(name="graftline-forks", daemon=True)
        self._listener = listener
        self._root = root
        self._cores = cores
        self._enough, self._close = os.pipe()
        self._server: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        # The server shares our group of processes, whose Ctrl-C is for its forks.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        sources: list[socket.socket | int] = [self._listener, self._enough]
        ready, _, _ = select.select(sources, [], [])
        if self._enough not in ready:
            with suppress(OSError):  # without it, each stage starts by itself
                self._server = self._start()
        self._listener.close()

    def close(self) -> None:
        """End the server; its forks get SIGTERM."""
        os.close(self._close)
        self.join()
        os.close(self._enough)
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
            self._server.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        handle = self._listener.fileno()
        return subprocess.Popen(
            module_command("components.forkserver.server", str(handle)),
            cwd=self._root,
            env={"OMP_NUM_THREADS": str(self._cores), **os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[handle],
        )
