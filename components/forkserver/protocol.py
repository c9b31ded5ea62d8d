"""What client and server say to each other. Only the standard library: the client must start at once.

The client sends a length, the file descriptors of its standard streams and a JSON object; later a byte where SIGTERM
reaches it. The server answers with four bytes: the status that `os.waitpid` gave, or REFUSED.
"""

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass

ADDRESS = "GRAFTLINE_FORKSERVER"  # holds the name of the flow's abstract socket
REFUSED = -1
STATUS = struct.Struct("!i")
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")  # process, user, group
STREAMS = 3


@dataclass(frozen=True)
class Question:
    """What a client wants to be run.

    Attributes:
        words: of `python -m components WORDS`.
        interruptible: whether Ctrl-C stops it: not where its parent had it ignored.
    """

    words: list[str]
    folder: str
    environment: dict[str, str]
    interruptible: bool


def ask(connection: socket.socket, question: Question) -> None:
    """Send a question and this process's standard streams."""
    text = json.dumps(asdict(question)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(text))], list(range(STREAMS)))
    connection.sendall(text)


def asked(connection: socket.socket) -> tuple[Question, list[int]]:
    """The question and the client's standard streams, which the caller closes. Raises OSError or ValueError."""
    first, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, STREAMS)
    try:
        if len(first) != _LENGTH.size or len(streams) != STREAMS:
            raise ValueError("no question")
        return Question(**json.loads(_exactly(connection, *_LENGTH.unpack(first)))), list(streams)
    except BaseException:
        for stream in streams:
            os.close(stream)
        raise


def _exactly(connection: socket.socket, length: int) -> bytes:
    with connection.makefile("rb") as file:
        text = file.read(length)
    if len(text) < length:
        raise ValueError("half a question")
    return text


def ours(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user: anybody can reach an abstract socket."""
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(peer)[1] == os.getuid())
