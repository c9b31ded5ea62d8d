"""The thin side: `python -m components STAGE` that lets a fork do the work and ends as the fork does."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from components.forkserver import protocol
from components.forkserver.protocol import REFUSED, Question


def hand_over(words: Sequence[str]) -> None:
    """Run `python -m components WORDS` as a fork of the flow's server, and end this process as the fork ended.

    Returns where there is no server, where it refuses, or where it died: then this process has to do the work.
    """
    name, parent = os.environ.get(protocol.ADDRESS), os.getppid()
    if not name:
        return
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"\0{name}")
            status, stopped = _answer(connection, words) if protocol.ours(connection) else (REFUSED, False)
    except OSError:
        return
    if status is None and (stopped or os.getppid() != parent):
        _die_by(signal.SIGTERM)
    if status is not None and status != REFUSED:
        _end(status)


def _answer(connection: socket.socket, words: Sequence[str]) -> tuple[int | None, bool]:
    """The fork's status, none where the server died; and whether SIGTERM came meanwhile."""
    stopped = []

    def forward(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        with suppress(OSError):  # it is over
            connection.send(bytes([number]))

    before = signal.signal(signal.SIGTERM, forward)
    # Ctrl-C reaches the fork without us: it belongs to the same group of processes.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interruptible = interrupt is not signal.SIG_IGN
        protocol.ask(connection, Question(list(words), os.getcwd(), dict(os.environ), interruptible))  # noqa: PTH109
        answer = connection.recv(protocol.STATUS.size, socket.MSG_WAITALL)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)
    status = protocol.STATUS.unpack(answer)[0] if len(answer) == protocol.STATUS.size else None
    return status, bool(stopped)


def _end(status: int) -> None:
    """End as a process whose `os.waitpid` gave `status`."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _die_by(-code)
    sys.exit(code)


def _die_by(number: int) -> NoReturn:
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # where the signal is blocked
