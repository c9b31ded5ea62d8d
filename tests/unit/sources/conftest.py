"""Fixtures: the scripted server, and a fetcher that may reach it."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from scripted_server import Handler, Script

from components.sources.addresses import Allowed
from components.sources.https import Fetcher, Patience


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[str]:
    """The address of the file on the server."""
    handler = type("Scripted", (Handler,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/weights.bin?signature=SECRET"
        running.shutdown()
        thread.join()


@pytest.fixture
def fetcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    """Impatient, and allowed on loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    patience = Patience(attempts=3, stall_seconds=0.5, backoff_seconds=0.01, max_bytes=20_000_000)
    return Fetcher(tmp_path, Allowed(plain_loopback=True), patience)
