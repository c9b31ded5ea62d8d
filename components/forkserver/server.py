"""The server: `python -m components.forkserver.server SOCKET`, a child of the flow, one thread.

It imports what stages need, without running any of it, and forks for each stage that a client hands over. It ends
when its standard input does, which the kernel closes however the flow dies; its forks then get SIGTERM.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import IO

from components.forkserver import protocol
from components.forkserver.protocol import Question

PATIENCE = 5.0  # seconds that a client has to say what it wants
# What flow, DVC and shell change between one process and the next; no library of a stage reads it at its import.
VARYING = ("GRAFTLINE_", "DVC_", "PREFECT_", "MLFLOW_")
OF_SHELLS = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
THREADS = "OMP_NUM_THREADS"
COMMON = ("components.__main__", "components.stages.execute", "components.registry.runs", "psutil")
# Imported by stages where they need them.
LATE = ("sklearn.linear_model",)


React = Callable[[], list[str] | None]


@dataclass
class Fork:
    """A stage at work, and the client that waits for it."""

    process: int
    handle: int  # a file descriptor that is ready when the process has ended
    client: socket.socket


@dataclass(frozen=True)
class Surroundings:
    """What shaped this process's imports: where any of it differs, a stage must import by itself."""

    folder: str
    environment: Mapping[str, str]
    code: Mapping[str, tuple[int, int]]
    known: frozenset[str] = frozenset()  # names in the environment

    @classmethod
    def here(cls) -> "Surroundings":
        return cls(str(Path.cwd()), fixed(os.environ), files(Path.cwd()), frozenset(os.environ))

    def fit(self, question: Question) -> bool:
        # The number of threads that each client would set by params.yaml was set for this process.
        threads = {name: value for name, value in self.environment.items() if name == THREADS}
        same = {**threads, **fixed(question.environment)} == self.environment
        return same and question.folder == self.folder and self.code == files(Path(self.folder))


def fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """What must not differ of an environment."""
    return {k: v for k, v in environment.items() if not k.startswith(VARYING) and k not in OF_SHELLS}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of our code, of the parameters, and of the folders of installed packages."""
    modules = Path(__file__).resolve().parents[1].rglob("*.py")
    packages = (Path(path) for path in sys.path if path.endswith("-packages"))
    found = {}
    for path in (*modules, *packages, folder / "params.yaml"):
        with suppress(OSError):
            fact = path.stat()
            found[str(path)] = (fact.st_size, fact.st_mtime_ns)
    return found


def modules() -> list[str]:
    """What stages import, in the order in which they run."""
    from components.stages.table import STAGES

    return [*COMMON, *(f"components.stages.{row.name}" for row in STAGES), *LATE]


class Server:
    """Waits for clients and for the ends of forks, all in one thread: a fork has only the thread that forked."""

    def __init__(self, listener: socket.socket, surroundings: Surroundings) -> None:
        self._listener = listener
        self._surroundings = surroundings
        self._selector = selectors.DefaultSelector()
        self._forks: list[Fork] = []
        self._left = modules()
        self._over = False

    def serve(self) -> list[str] | None:
        """In a fork, the words that it has to run; in the server, None, when the flow is over."""
        signal.signal(signal.SIGTERM, self._stop)
        self._watch(self._listener, self._greet)
        self._watch(sys.stdin, self._lose_flow)
        while self._forks or not self._over:
            ready = self._selector.select(0 if self._left else None)
            if self._left and not ready:
                self._import_next()
            for key, _ in ready:
                react: React = key.data
                # One that ran before it may have let go of it: a fork and its client often end together.
                if self._selector.get_map().get(key.fd) is key and (words := react()):
                    return words
        return None

    def _import_next(self) -> None:
        """What cannot be imported, a fork tries again, and says why."""
        with suppress(ImportError):
            import_module(self._left.pop(0))
        if not self._left:
            gc.collect()
            gc.freeze()  # a fork's collector then does not copy these pages

    def _watch(self, source: IO[str] | socket.socket | int, react: React) -> None:
        self._selector.register(source, selectors.EVENT_READ, react)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM, which the flow sends to the forks as well: they have time to write a checkpoint."""
        self._over = True
        if not self._forks:
            sys.exit(0)

    def _lose_flow(self) -> None:
        """The flow is gone. A client whose parent is a shell would not see that, and do the work by itself."""
        for fork in self._forks:
            _tell(fork.client, signal.SIGTERM)
        sys.exit(0)

    def _greet(self) -> list[str] | None:
        client, _ = self._listener.accept()
        client.settimeout(PATIENCE)
        try:
            if not protocol.ours(client):
                raise ValueError("another user's")
            question, streams = protocol.asked(client)
        except (OSError, ValueError):
            client.close()
            return None
        try:
            return self._start(client, question, streams)
        finally:
            for stream in streams:
                os.close(stream)

    def _start(self, client: socket.socket, question: Question, streams: Sequence[int]) -> list[str] | None:
        if threading.active_count() > 1 or not self._surroundings.fit(question):
            _tell(client, protocol.REFUSED)
            client.close()
            return None
        server = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in a fork our handler must not get it
        process = os.fork()
        if process == 0:
            client.close()
            self._leave()
            become(question, streams, self._surroundings, server)
            return question.words
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        fork = Fork(process, os.pidfd_open(process), client)
        self._forks.append(fork)
        self._watch(fork.handle, partial(self._reap, fork))
        self._watch(client, partial(self._hear, fork))
        return None

    def _hear(self, fork: Fork) -> None:
        """A byte is SIGTERM; the end of them, a client that died."""
        os.kill(fork.process, signal.SIGTERM)
        try:
            told = fork.client.recv(1)
        except OSError:
            told = b""
        if not told:
            self._selector.unregister(fork.client)

    def _reap(self, fork: Fork) -> None:
        _, status = os.waitpid(fork.process, 0)
        self._forks.remove(fork)
        self._selector.unregister(fork.handle)
        os.close(fork.handle)
        with suppress(KeyError):
            self._selector.unregister(fork.client)
        _tell(fork.client, status)
        fork.client.close()

    def _leave(self) -> None:
        """In a fork: let go what is the server's."""
        self._selector.close()
        self._listener.close()
        for fork in self._forks:
            os.close(fork.handle)
            fork.client.close()


def become(question: Question, streams: Sequence[int], surroundings: Surroundings, server: int) -> None:
    """Make this fork what the client would have been: its streams, environment and signals; a child of the server."""
    from components.stages.execute import die_with_parent

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):
            output.reconfigure(line_buffering=output is sys.stderr or output.isatty())
    # What imports have put into the environment stays.
    added = {k: v for k, v in os.environ.items() if k not in surroundings.known}
    os.environ.clear()
    os.environ.update({**added, **question.environment})
    if question.interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    die_with_parent()
    if os.getppid() != server:  # it died before that
        os.kill(os.getpid(), signal.SIGTERM)


def _tell(client: socket.socket, status: int) -> None:
    with suppress(OSError):  # it died
        client.sendall(protocol.STATUS.pack(status))


def main() -> int:
    """The exit code of the stage, in a fork; of the server itself, 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    surroundings = Surroundings.here()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        words = Server(listener, surroundings).serve()
    if words is None:
        return 0
    from components.__main__ import main as command

    sys.argv[1:] = words
    return command(words)


if __name__ == "__main__":
    sys.exit(main())
