import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from components.params.operation import TrackingParams
from components.registry.delivery import deliver_now
from components.registry.store import connect
from flows.workspace import probe

TOY = Path(__file__).with_name("toy.py")


@pytest.fixture
def toy(line: Path, server: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The flow over the toy table, in this process."""
    import flows.pipeline
    import flows.train
    from tests.unit.flows.toy import ROWS

    monkeypatch.setattr(flows.pipeline, "STAGES", ROWS)
    monkeypatch.setattr(flows.train, "STAGES", ROWS)
    return line


def run_flow(*options: str) -> int:
    from flows.train import main

    return main(options)


def test_a_pass_ends_with_0_and_a_second_run_runs_nothing(
    toy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_flow("--no-register") == 0
    said = capfd.readouterr()
    assert said.err.count("doubling") == 1
    assert [line for line in said.err.splitlines() if line.startswith("stage ")] == [
        "stage 1 of 2: double",
        "stage 2 of 2: judge",
    ]
    assert "Verdict: PASS" in said.out
    assert re.search(r"pass +value > 5 +6", said.out)
    assert re.search(r"double +\d+\.\d  ran", said.out)
    assert "make mlflow" in said.out

    lock = (toy / "dvc.lock").read_bytes()
    before = time.monotonic()
    assert run_flow("--no-register") == 0
    assert time.monotonic() - before < 15
    said = capfd.readouterr()
    assert "doubling" not in said.err
    assert "stage 1 of 2: double, which is up to date" in said.err
    assert re.search(r"double +\d+\.\d  cached", said.out)
    assert (toy / "dvc.lock").read_bytes() == lock


def test_a_refusal_is_no_crash(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (toy / "in.txt").write_text("2")
    assert run_flow() == 3
    said = capfd.readouterr()
    assert "Verdict: FAIL" in said.out
    assert "GateFailed: The release is not registered." in said.err
    assert "value > 5: fail 4\nCorrect the data or the training, and run again" in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) < 12


def test_a_failing_stage_speaks_once_and_gives_its_code(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (toy / "in.txt").write_text("-1")
    assert run_flow() == 12
    said = capfd.readouterr()
    assert said.err.count("a negative number") == 1
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) < 8


def test_wrong_bytes_are_not_fetched_again(toy: Path) -> None:
    (toy / "offline").write_text("11")
    assert run_flow("--stop-after", "double") == 11
    assert (toy / "attempts").read_text() == "x"


def test_a_second_run_leaves_at_once(line: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from components.params import load_params
    from flows.engine import execution

    with execution(line, load_params(line / "params.yaml")):
        before = time.monotonic()
        assert run_flow() == 75
        assert time.monotonic() - before < 3
    assert "holds this workspace" in capfd.readouterr().err


def test_wrong_params_are_refused_before_any_work(line: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (line / "params.yaml").write_text("seeds: 1\n")
    assert run_flow() == 2
    assert "did you mean 'seed'" in capfd.readouterr().err


@contextmanager
def running_flow(line: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, in a process group of its own as a terminal gives it, when its stage is at work."""
    (line / "in.txt").write_text("99")
    environment = {**os.environ, "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR"}
    # Behind a proxy that does not answer: the server on loopback, and MLflow, need none.
    environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    words = [sys.executable, TOY]
    with subprocess.Popen(
        words, cwd=line, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 90
        while not (line / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield process


@pytest.mark.parametrize(("send", "number"), [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)])
def test_a_signal_leaves_no_child_closes_the_run_and_can_be_resumed(
    line: Path, send: Callable[[int, int], None], number: int
) -> None:
    """To the flow alone, as a supervisor does, and to the whole group, as Ctrl-C does."""
    with running_flow(line) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        assert any("flows.server" in child.cmdline() for child in family)
        send(process.pid, number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "The same command resumes." in said
    assert "Traceback" not in said
    assert "prefect" not in said
    assert not [child for child in family if child.is_running()]
    connection = connect(line, TrackingParams())
    deliver_now(line, connection)  # as the next run does with what there was no time for
    assert [run.info.status for run in connection.client.search_runs([connection.experiment])][:1] == [
        "KILLED"
    ]


def test_killed_it_leaves_no_server_and_no_lock(line: Path) -> None:
    with running_flow(line) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        (server,) = [child for child in family if "flows.server" in child.cmdline()]
        process.kill()
        process.wait()
        psutil.wait_procs([server], timeout=30)
        assert not server.is_running()
        for stage in psutil.wait_procs(family, timeout=0)[1]:  # a real one dies with its parent: tests/faults
            stage.kill()
    probe(line)
