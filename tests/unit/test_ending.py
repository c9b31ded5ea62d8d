"""Every way in which a command can end: its exit code, and what is said."""

import errno
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from PIL import Image

from components.ending import guarded, reach_loopback_directly
from components.errors import DataError
from components.modalities import load_modality
from components.params.task import TaskParams
from components.progress import bar

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


def ended(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = guarded(raising(error))
    return code, capsys.readouterr().err


def test_what_nobody_expected_is_one_paragraph_and_a_file(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "postgresql://me:hunter2@host/db is no number\nsecond line"
    code, said = ended(ZeroDivisionError(secret), capsys)
    assert code == 70
    assert len(said.splitlines()) == 1
    assert said.startswith(
        "error: An unexpected ZeroDivisionError ended this command: postgresql://***@host/db is"
    )
    assert "report it" in said
    (file,) = (in_folder / ".graftline" / "logs").iterdir()
    assert str(file) in said
    kept = file.read_text()
    assert "Traceback" in kept
    assert "test_ending.py" in kept
    assert "hunter2" not in kept


def test_where_the_workspace_takes_no_file_the_traceback_lies_with_temporary_files(
    in_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (in_folder / ".graftline").write_text("a file")
    elsewhere = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    code, said = ended(KeyError("x"), capsys)
    assert code == 70
    (file,) = elsewhere.iterdir()
    assert str(file) in said


def test_errors_of_ours_keep_code_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(DataError("No label.", "Label it."), capsys) == (12, "error: No label. Label it.\n")
    assert ended(KeyboardInterrupt(), capsys) == (130, "Stopped. The same command resumes.\n")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, 14, "No space left on device (x/y). Free some room"),
        (errno.EROFS, 14, "Read-only file system (x/y). Mount it writable"),
        (errno.EACCES, 14, r"Permission denied (x/y): \S+ belongs to user \S+, and this process to \S+"),
        (errno.ENOTDIR, 14, "Not a directory (x/y). Move the file away"),
        (errno.EMFILE, 71, r"Too many open files (x/y): a process may have \d+. Raise it (ulimit -n"),
        (errno.ENOMEM, 71, "Cannot allocate memory (x/y). Lower runtime.threads"),
    ],
)
def test_what_the_system_refuses_is_no_mistake_of_ours(
    number: int, code: int, words: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = OSError(number, os.strerror(number), "x/y")
    wrapped = RuntimeError("a library's own words")
    wrapped.__cause__ = refused
    for error in (refused, wrapped):
        got, said = ended(error, capsys)
        assert got == code
        assert re.match("error: " + words.replace("(", r"\(").replace(")", r"\)"), said)
        assert "run the same command" in said
    assert not (in_folder / ".graftline").exists()


def test_a_refusal_that_was_dealt_with_does_not_hide_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        try:
            Path("missing").mkdir()
            Path("missing").mkdir()
        except FileExistsError:
            return {"a": 1}["b"]
        return 0

    assert guarded(run) == 70
    assert "KeyError" in capsys.readouterr().err


def test_a_link_to_itself_is_named_with_what_helps(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "loop").symlink_to("loop")
    assert guarded(lambda: len((in_folder / "loop").resolve(strict=True).parts)) == 14
    said = capsys.readouterr().err
    assert f"({in_folder / 'loop'})" in said
    assert "Remove the link that leads to itself" in said


def test_what_pillow_says_of_damaged_exif_is_not_told() -> None:
    """Each warning is an error where tests run: the second decoding would end with 12."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker with a long name"
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    data = bytearray(file.getvalue())
    at = data.index(b"\x01\x0f\x00\x02")
    data[at + 8 : at + 12] = b"\x00\xff\xff\xff"  # the maker begins behind the end
    modality = load_modality(TaskParams(modality="image"))
    with pytest.warns(UserWarning, match="Truncated File Read"):
        modality.decode(bytes(data))
    assert guarded(lambda: len(modality.decode(bytes(data))) - 8) == 0


def test_memory_that_ran_out(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = ended(MemoryError(), capsys)
    assert code == 71
    assert said.startswith("error: Memory ran out. Lower runtime.threads")


def test_the_error_has_a_line_of_its_own_behind_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar is still open: the frame that drew it is part of the traceback."""

    def run() -> int:
        shown = bar(10, "decode")
        shown.update(3)
        raise DataError("No label.")

    assert guarded(run) == 12
    *bars, last = capsys.readouterr().err.splitlines()
    assert "3/10" in bars[-1]
    assert last == "error: No label."


def test_a_thread_that_fails_shows_no_traceback_either(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        thread = threading.Thread(target=raising(ValueError("odd")), name="delivery")
        thread.start()
        thread.join()
        return 0

    assert guarded(run) == 0
    said = capsys.readouterr().err
    assert said.startswith("delivery ended with ValueError: odd (")
    assert len(list((in_folder / ".graftline" / "logs").iterdir())) == 1


def python(text: str, **more: object) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", text]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_a_reader_that_leaves_early_hears_nothing_more(in_folder: Path) -> None:
    many = "import sys\nfrom components.ending import guarded\n"
    many += "sys.exit(guarded(lambda: [print('line' * 999) for _ in range(999)] and 0))"
    with subprocess.Popen(
        [sys.executable, "-c", many],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.fixture
def loopback() -> Iterator[str]:
    """A server's address on loopback."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("variable", "client"),
    [
        ("HTTP_PROXY", "httpx"),
        ("ALL_PROXY", "httpx"),
        ("http_proxy", "requests"),
        ("ALL_PROXY", "requests"),
        ("http_proxy", "urllib"),
    ],
)
def test_behind_a_proxy_loopback_is_reached_directly(
    variable: str, client: str, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's client is httpx, MLflow's requests. Nothing listens where the proxy should be."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with pytest.raises((OSError, httpx.TransportError)):
        asked(client, loopback)
    reach_loopback_directly()
    assert asked(client, loopback) == 204


def test_every_command_reaches_loopback_directly(loopback: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By how it begins, without a word of its own."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert guarded(lambda: asked("httpx", loopback)) == 204


def asked(client: str, address: str) -> int:
    if client == "httpx":
        return httpx.get(address, timeout=5).status_code
    if client == "requests":
        import requests

        return requests.get(address, timeout=5).status_code
    import urllib.request

    with urllib.request.urlopen(address, timeout=5) as answer:
        return int(answer.status)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (None, "corp.example, 127.0.0.1", "corp.example,127.0.0.1,localhost,::1"),
        ("corp.example", None, "corp.example,127.0.0.1,localhost,::1"),
        (None, None, "127.0.0.1,localhost,::1"),
    ],
)
def test_what_the_user_named_stays_and_both_spellings_say_the_same(
    lower: str | None, upper: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for name, value in (("no_proxy", lower), ("NO_PROXY", upper)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    reach_loopback_directly()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == expected


def test_without_a_proxy_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    reach_loopback_directly()
    assert "NO_PROXY" not in os.environ
