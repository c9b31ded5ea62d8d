"""Promoters that are killed between any two writes, or that meet another one: one champion, and nothing half done."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from promoted import Line, race

from components.errors import Busy
from components.registry import history
from components.stages.promote import promote


@pytest.fixture
def line(new_line: Line) -> Line:
    return new_line


KILLED = """
import os, signal, sys
from pathlib import Path
from mlflow import MlflowClient
from components.params import Params
from components.registry.desk import open_desk
from components.registry.ledger import Ledger
from components.stages.promote import promote
where, when = sys.argv[2].split()
def dies(owner, method, wanted):
    real = getattr(owner, method)
    def dying(self, *words):
        if not wanted(*words):
            return real(self, *words)
        if when == "after":
            real(self, *words)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, method, dying)
if where in ("champion", "challenger"):
    dies(MlflowClient, "set_registered_model_alias", lambda name, alias, number: alias == where)
else:
    dies(Ledger, "append", lambda note: note.kind == where)
root, params = Path(sys.argv[1]), Params.model_validate_json(sys.stdin.read())
if sys.argv[3:]:
    desk = open_desk(root, params.tracking)
    with desk.locked():
        desk.rollback(None, "ada@host", "")
else:
    promote(root, params)
"""


@pytest.mark.parametrize(
    "where",
    [
        "promote after",
        "champion after",
        "moved after",
        *(
            pytest.param(where, marks=pytest.mark.faults)
            for where in ("challenger after", "promote before", "champion before", "moved before")
        ),
    ],
)
def test_killed_anywhere_the_same_command_finishes_the_job(line: Line, where: str) -> None:
    line.promoted(boundary=160)
    line.registered()
    words = [sys.executable, "-c", KILLED, str(line.root), where]
    text = line.params.model_dump_json()
    done = subprocess.run(words, input=text, text=True, env=os.environ, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    state = history.state(line.entries)
    served = state.champion.number if state.champion else None
    assert line.champion == served or state.unfinished is not None, "they never differ without a word"
    assert promote(line.root, line.params).outcome in ("promote", "champion")
    assert line.champion == "2"
    assert line.kinds == ["promote", "moved", "promote", "moved"]
    assert line.desk.alias("challenger") is None


def test_killed_before_a_challenge_shows_it_waits_all_the_same(line: Line) -> None:
    line.promoted(boundary=160)
    asked = line.given(approval="required")
    asked.registered()
    words = [sys.executable, "-c", KILLED, str(line.root), "challenger before"]
    subprocess.run(words, input=asked.params.model_dump_json(), text=True, env=os.environ, check=False)
    assert (line.kinds[-1], line.desk.alias("challenger")) == ("challenge", None)
    assert promote(line.root, asked.params).outcome == "waits"
    assert line.desk.alias("challenger") == "2"


@pytest.mark.parametrize(
    "where",
    [
        "champion after",
        *(
            pytest.param(where, marks=pytest.mark.faults)
            for where in ("rollback before", "rollback after", "moved after")
        ),
    ],
)
def test_a_killed_rollback_goes_one_version_back_and_not_two(line: Line, where: str) -> None:
    for boundary in (180, 155, 128):
        line.promoted(boundary=boundary)
    assert line.champion == "3"
    words = [sys.executable, "-c", KILLED, str(line.root), where, "rollback"]
    text = line.params.model_dump_json()
    done = subprocess.run(words, input=text, text=True, env=os.environ, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if where != "moved after":  # that one was complete: another rollback is another step back
        with line.desk.locked():
            line.desk.rollback(None, "ada@host", "")
    assert line.champion == "2"
    assert history.state(line.entries).unfinished is None


def test_a_rollback_overtakes_a_move_that_was_never_made(line: Line) -> None:
    line.promoted(boundary=160)
    line.registered()
    words = [sys.executable, "-c", KILLED, str(line.root), "champion before"]
    subprocess.run(words, input=line.params.model_dump_json(), text=True, env=os.environ, check=False)
    line.desk.rollback("1", "ada@host", "")
    assert line.champion == "1"
    assert line.kinds == ["promote", "moved", "promote", "rollback", "moved"]


def test_of_two_promoters_at_once_one_moves_and_the_other_leaves(line: Line, tmp_path: Path) -> None:
    """Both found their release better than version 1; they share a store, each has a workspace of its own."""
    store = line.root / ".graftline" / "mlflow" / "mlflow.db"
    tracking = line.params.tracking.model_copy(update={"uri": f"sqlite:///{store}"})
    params = line.params.model_copy(update={"tracking": tracking})
    lines = [Line(line.root, params), Line(tmp_path / "second", params)]
    shutil.copytree(line.root / "dataset", lines[1].root / "dataset")
    lines[0].promoted(boundary=160)
    lines[0].registered(boundary=130)
    lines[1].registered(boundary=128)
    codes, said = race(lines, tmp_path / "meet")
    assert sorted(codes) == [0, Busy.exit_code], said
    winner = codes.index(0)
    assert lines[0].champion == str(winner + 2)
    assert "became champion" in said[1 - winner]
    again = promote(lines[1 - winner].root, params)
    assert again.outcome in ("keep", "inconclusive", "refused"), "nearly the same, or older"
    assert lines[0].champion == str(winner + 2)
