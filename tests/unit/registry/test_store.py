import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
import sqlalchemy.exc
import urllib3
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from components.errors import DigestMismatch, GateRefused, RegistryError, redact
from components.params.operation import TrackingParams
from components.registry.store import connect, locate, patiently


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:canary@host/path", "https://***@host/path"),
        ("postgresql+psycopg://u:canary@db:5432/x", "postgresql+psycopg://***@db:5432/x"),
        ("s3://bucket/key?X-Amz-Signature=canary&part=1", "s3://bucket/key?X-Amz-Signature=***&part=1"),
        ("https://host/x?api_key=canary", "https://host/x?api_key=***"),
        ("plain text, a@b.c", "plain text, a@b.c"),
    ],
)
def test_credentials_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_the_embedded_store_lies_below_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    place = locate(tmp_path, TrackingParams())
    assert place.uri == f"sqlite:///{tmp_path}/.graftline/mlflow/mlflow.db"
    assert place.artifacts == f"file://{tmp_path}/.graftline/mlflow/artifacts"


def test_a_store_that_is_away_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError) as caught:
        connect(tmp_path, TrackingParams(uri="http://user:canary@127.0.0.1:9"))
    assert str(caught.value) == "MLflow at http://***@127.0.0.1:9 cannot be used: Connection refused."


def test_two_processes_make_one_schema(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from components.params.operation import TrackingParams;"
        "from components.registry.store import connect;"
        f"sys.stdout.write(connect(Path({str(tmp_path)!r}), TrackingParams()).experiment)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    names = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert names[0] == names[1]


def test_a_store_that_comes_back_is_asked_again() -> None:
    answers = iter([ConnectionError("away"), ConnectionError("away")])

    def call() -> str:
        for error in answers:
            raise error
        return "here"

    assert patiently(call, seconds=5, pause=0.01) == "here"


def test_a_store_that_stays_away_ends_in_an_error() -> None:
    def call() -> None:
        raise ConnectionError("https://u:canary@host is away")

    with pytest.raises(RegistryError, match=r"https://\*\*\*@host is away"):
        patiently(call, seconds=0.05, pause=0.01)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("away"),
        TimeoutError("late"),
        requests.exceptions.ChunkedEncodingError("cut off"),
        urllib3.exceptions.IncompleteRead(1, 2),
        sqlalchemy.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked")),
        MlflowException("restarting"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_server_or_the_network_says_may_change(error: Exception) -> None:
    answers = iter([error])

    def call() -> str:
        for failed in answers:
            raise failed
        return "here"

    assert patiently(call, seconds=5, pause=0.01) == "here"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("stage"),
        TypeError("no"),
        AttributeError("no"),
        ValueError("no"),
        ZeroDivisionError("no"),
        DigestMismatch("Other bytes."),
        GateRefused("The verdict is fail."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_mistakes_in_code_and_final_errors_are_raised_at_once_as_they_are(error: Exception) -> None:
    calls = []

    def call() -> None:
        calls.append("once")
        raise error

    with pytest.raises(type(error)) as caught:
        patiently(call, seconds=5, pause=0.01)
    assert (caught.value, calls) == (error, ["once"])


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory"),
        MlflowException("no such run", RESOURCE_DOES_NOT_EXIST),
        RegistryError("No version has that alias."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_asking_again_cannot_change_is_told_at_once(error: Exception) -> None:
    calls = []

    def call() -> None:
        calls.append("once")
        raise error

    with pytest.raises(RegistryError, match=r"[Nn]o such|alias") as caught:
        patiently(call, seconds=5, pause=0.01)
    assert (calls, "tries again" in str(caught.value)) == (["once"], False)


def test_workspaces_whose_paths_hold_a_question_mark_share_nothing(tmp_path: Path, empty_store: Path) -> None:
    for name in ("a?x", "a?y"):
        root = tmp_path / name
        (root / ".graftline" / "mlflow").mkdir(parents=True)
        shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
        connection = connect(root, TrackingParams(experiment=f"of {name[-1]}"))
        found = {one.name for one in connection.client.search_experiments()}
        assert f"of {name[-1]}" in found
        assert len([one for one in found if one.startswith("of ")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a?x", "a?y"]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that is no MLflow: its address, and what it was asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *said: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"<html>nothing here</html>"), (200, b"<html>Welcome</html>")]
)
def test_an_address_that_is_no_mlflow_is_asked_once(status: int, body: bytes, tmp_path: Path) -> None:
    with answering(status, body) as (address, asked), pytest.raises(RegistryError) as caught:
        patiently(lambda: connect(tmp_path, TrackingParams(uri=f"{address}/mlflow")), seconds=5)
    assert "No MLflow answers there: check the address, its path included" in str(caught.value)
    assert "tries again" not in str(caught.value)
    assert len(asked) == 1


def test_a_damaged_database_is_told_at_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / ".graftline" / "mlflow" / "mlflow.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database" * 999)
    before, calls = path.read_bytes(), []

    def call() -> None:
        calls.append("once")
        connect(tmp_path, TrackingParams())

    with pytest.raises(
        RegistryError, match=r"file is not a database.*Restore it from a backup, or move it away"
    ):
        patiently(call, seconds=5, pause=0.01)
    assert calls == ["once"]
    assert path.read_bytes() == before
