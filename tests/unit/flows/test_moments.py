"""Whole flows over the toy line, in processes of their own: two at once on a fresh workspace, and one that is stopped.

`make faults` runs this.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from components.registry.delivery import AFTER_SIGNAL
from flows.processes import PATIENCE
from flows.server import LAST_WORDS

pytestmark = pytest.mark.faults

TOY = Path(__file__).with_name("toy.py")
# Seconds: Kubernetes gives 30, flows/engine.py promises less. Once it took 26, though every child listened.
LIMIT = 30.0
PROMISED = PATIENCE + AFTER_SIGNAL + 2 * LAST_WORDS
LISTENING = 20.0
# The script waits for a file, so that several begin at the same moment.
TOGETHER = """
import runpy, sys, time
from pathlib import Path
while not Path("go").exists():
    time.sleep(0.001)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(line: Path, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=line,
        env={**os.environ, "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_of_two_first_runs_one_proceeds_and_the_other_ends_with_75_or_finds_nothing_to_do(line: Path) -> None:
    """Nothing is there yet: no Prefect database, no MLflow store."""
    (line / ".graftline" / "mlflow" / "mlflow.db").unlink()
    pair = [start(line, "-c", TOGETHER, TOY, "--no-register") for _ in range(2)]
    time.sleep(1)  # both wait
    (line / "go").touch()
    said = [process.communicate(timeout=240)[1] for process in pair]
    codes = sorted(process.returncode for process in pair)
    assert codes in ([0, 75], [0, 0]), said
    if 75 in codes:
        (refused,) = (text for text, process in zip(said, pair, strict=True) if process.returncode == 75)
        assert "holds this workspace" in refused
    for text in said:
        assert "Fatal Python error" not in text
        assert "Traceback" not in text
    assert "".join(said).count("doubling") == 1
    assert (line / "doubled.txt").read_text() == "6"


def children(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def has_a_server(line: Path, process: "subprocess.Popen[str]") -> bool:
    return any("flows.server" in child.cmdline() for child in children(process))


def has_a_database(line: Path, process: "subprocess.Popen[str]") -> bool:
    """The server runs, and the flow has not begun: it asks for it, or imports."""
    return has_a_server(line, process) and any((line / ".graftline" / "prefect").glob("prefect.db"))


def has_a_stage(line: Path, process: "subprocess.Popen[str]") -> bool:
    return (line / "pid").exists()


@pytest.mark.parametrize(
    ("moment", "number", "most"),
    [
        (has_a_server, 3, LISTENING),
        (has_a_database, 3, LISTENING),
        (has_a_stage, 99, LISTENING),
        (has_a_stage, 98, PROMISED),
    ],
)
def test_sigterm_at_any_moment_ends_the_flow_within_the_promised_time(
    line: Path,
    moment: Callable[[Path, "subprocess.Popen[str]"], bool],
    number: int,
    most: float,
    record_property: Callable[[str, object], None],
) -> None:
    """98 is a stage that does not listen to SIGTERM."""
    (line / "in.txt").write_text(str(number))
    process = start(line, TOY, "--no-register")
    deadline = time.monotonic() + 120
    while not moment(line, process) and time.monotonic() < deadline:
        time.sleep(0.05)
    family = children(process)
    before = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        _, said = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    seconds = time.monotonic() - before
    record_property("seconds", round(seconds, 1))
    sys.stderr.write(f"{moment.__name__} {number}: {seconds:.1f} s\n")
    assert process.returncode == 75, said
    assert seconds < most
    assert "The same command resumes." in said
    assert "Traceback" not in said
    assert not psutil.wait_procs(family, timeout=10)[1]
