"""Prefect's temporary server: started before the flow, ended after it has said its last word.

Prefect would start one itself, but in the terminal's process group, where Ctrl-C ends it before the flow; and
it would outlive a flow that was killed. This one is in a session of its own, and ends when its standard input
does, which the kernel closes however its parent dies.
"""

import errno
import gc
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path

from components.errors import GraftlineError
from components.progress import log
from components.runtime.distribution import check_server
from components.runtime.python import module_command
from components.storage.publish import kernel_lock

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
OUTAGE = 60.0  # seconds that a server may be away
LAST_WORDS = 5.0  # seconds for what Prefect still has to tell its server


@contextmanager
def temporary_server() -> Iterator[Callable[[], None]]:
    """Start a server, unless the settings name one; yield a function that waits until it answers.

    The environment must be prepared (`flows.engine.prepare_environment`). Of a server that is named, the function
    raises GraftlineError where it does not answer for a minute.
    """
    if in_environment := os.environ.get("PREFECT_API_URL"):
        yield lambda: _await_named(in_environment)
        return
    log = Path(os.environ["PREFECT_HOME"]) / f"server-{os.getpid()}.log"
    with ExitStack() as stack:
        # Nothing of what is imported until the server answers goes away: there is nothing to collect.
        stack.callback(gc.enable)
        gc.disable()
        started = stack.enter_context(first_start(log.parent))
        # The server imports for seconds, as this process does: the two need different cores.
        process = stack.enter_context(_process(log))
        from prefect.settings import PREFECT_API_URL, temporary_settings

        if in_profile := PREFECT_API_URL.value():
            stack.close()
            yield lambda: _await_named(in_profile)
            return
        check_server("prefect")
        port = _free_port()
        url = f"http://127.0.0.1:{port}/api"
        _open_port(process, port)

        def ready() -> None:
            _await(process, url, log)
            started()
            gc.freeze()
            gc.enable()

        try:
            with temporary_settings({PREFECT_API_URL: url}):
                yield ready
        finally:
            _hear_out()


@contextmanager
def first_start(home: Path) -> Iterator[Callable[[], None]]:
    """One at a time while there is no database in `home`: two servers that make its tables at once fail.

    Yields what is called once the server answers: then the next one may start.
    """
    home.mkdir(parents=True, exist_ok=True)
    for file in home.glob("prefect.db*"):  # as a run by another user leaves them
        if not os.access(file, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    # Prefect brings the database of an older version up to date: that is a first start, too.
    known = home / f"tables-{metadata.version('prefect')}"
    with ExitStack() as held:
        if not (known.exists() and (home / "prefect.db").exists()):
            log("Starting Prefect; the first start takes a minute.")
            held.enter_context(kernel_lock(home / "first-start", wait_seconds=_patience()))

        def started() -> None:
            known.touch()
            held.close()

        yield started


@contextmanager
def _process(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, which imports what it needs and then waits for its port; ended with the block.

    What it says goes to `log`, which stays only where the process ended by itself.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            module_command("flows.server"),
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                log.unlink(missing_ok=True)
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


def _open_port(process: subprocess.Popen[bytes], port: int) -> None:
    """Tell the server its port: until then it serves nobody."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it ended: who waits for its answer says so
        process.stdin.write(f"{port}\n".encode())
        process.stdin.flush()


def _patience() -> float:
    """Seconds that a server has to start."""
    return float(os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"])


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Raises GraftlineError where the server ends, or does not answer in time."""
    import httpx

    seconds = _patience()
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(f"{url}/health").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    ended = f"ended with code {process.poll()}; what it said is in {log}"
    state = ended if process.poll() is not None else f"did not answer within {seconds:g} s"
    raise GraftlineError(
        f"Prefect's temporary server {state}.",
        "Run the same command again, or name a server of your own in PREFECT_API_URL.",
    )


def _await_named(url: str) -> None:
    """Without this, Prefect would try for minutes and say so in a traceback."""
    import httpx

    deadline = time.monotonic() + OUTAGE
    with httpx.Client(trust_env=False, timeout=5, follow_redirects=True) as client:
        while True:
            try:
                if client.get(f"{url.rstrip('/')}/health").status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                break
            time.sleep(1)
    raise GraftlineError(
        f"Prefect's server at {url} did not answer for {OUTAGE:g} s.",
        "Start it (make up), or unset PREFECT_API_URL.",
    )


def _hear_out() -> None:
    """Let Prefect deliver its events and log lines while there is somebody to take them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=LAST_WORDS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def end_with_parent() -> None:
    """End this process when its standard input does."""

    def wait() -> None:
        # Not by `sys.stdin`: a thread that waits there makes Python abort where the process ends by itself.
        while os.read(0, 1):
            continue
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _serve() -> None:
    """In the server's process: import, wait for the port on standard input, serve."""
    gc.disable()  # nothing of what is imported goes away
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app()
    gc.freeze()
    gc.enable()
    if port := _line():
        end_with_parent()
        uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", lifespan="on")


def _line() -> bytes:
    """The first line of standard input; empty where the parent is gone. The rest stays for `end_with_parent`."""
    line = b""
    while not line.endswith(b"\n"):
        if not (byte := os.read(0, 1)):
            return b""
        line += byte
    return line


if __name__ == "__main__":
    _serve()
