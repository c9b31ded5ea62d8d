"""The temporary server's process: one first start at a time, and an end of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import Busy
from flows.server import first_start

PORT = "from flows.server import _line; import os; print(_line().decode().strip(), os.read(0, 9).decode())"
ENDING = "from flows.server import end_with_parent; import time; end_with_parent(); time.sleep({seconds})"


def test_two_first_starts_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs in a fresh workspace: both servers would make the tables of one database, and one would die."""
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "0")
    with first_start(tmp_path) as started:
        assert "the first start takes a minute" in capsys.readouterr().err
        with pytest.raises(Busy), first_start(tmp_path):
            pass
        (tmp_path / "prefect.db").touch()
        started()
        with first_start(tmp_path), first_start(tmp_path):
            pass  # the tables are there: nobody waits, and nobody is told so
        assert capsys.readouterr().err.count("first start") == 1  # the one that was refused
    (tmp_path / "prefect.db").unlink()
    with first_start(tmp_path), pytest.raises(Busy), first_start(tmp_path):
        pass


def test_a_server_that_failed_lets_the_next_one_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "0")
    with pytest.raises(ZeroDivisionError), first_start(tmp_path):
        raise ZeroDivisionError
    with first_start(tmp_path), pytest.raises(Busy), first_start(tmp_path):
        pass


@pytest.mark.parametrize(("told", "heard"), [("4200\nmore", "4200 more"), ("42", " "), ("", " ")])
def test_it_serves_nobody_before_it_is_told_a_whole_port(told: str, heard: str) -> None:
    """Its parent may die before that."""
    root = Path(__file__).parents[3]
    words = [sys.executable, "-c", PORT]
    done = subprocess.run(words, cwd=root, input=told, capture_output=True, text=True, check=True)
    assert done.stdout == f"{heard}\n"


def server(seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", ENDING.format(seconds=seconds)],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_ends_in_order_while_its_parent_lives() -> None:
    with server(0.1) as process:
        assert process.wait(30) == 0  # -6 where the waiting thread holds a lock of the interpreter
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_it_ends_with_its_parent() -> None:
    with server(60) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
