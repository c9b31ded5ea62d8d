"""Scheduled runs over a toy line: what they leave, when they do nothing, and what people hear of them.

Whole runs of a real line, killed at every boundary: tests/faults/test_scheduled_line.py.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from run_git import git

from components.data.lock import Lock
from components.errors import RegistryError
from components.params.schedule import NotifyParams
from components.sources.base import Entry
from flows.branches import finish, past_runs
from flows.command import code_of
from flows.notify import News, tell
from flows.worktree import line_lock, resolve, worktree
from tests.unit.flows.repository import begin_work, make_repository, persons
from tests.unit.flows.webhook import listening

REFUSED, LABELS_NEEDED, BUSY = 3, 7, 75


def see(root: Path, *digits: str) -> None:
    """What `refresh` will find at the source: a picture for each digit."""
    entries = tuple(Entry(f"dark/{digit}.png", 1, digit * 64) for digit in digits)
    (root.parent / "source.lock").write_text(Lock("file:.", "", "CC0", "folders", entries).text())


@pytest.fixture
def repository(line: Path, server: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy line in git. Its number is 2, which the gate refuses: registering is not what is tested here."""
    import flows.pipeline
    from tests.unit.flows.toy import ROWS

    monkeypatch.setattr(flows.pipeline, "STAGES", ROWS)
    command = line / "components" / "__main__.py"
    place = line.parent / "source.lock"
    looks = f'if sys.argv[1] == "refresh": pathlib.Path("data/source.lock").write_text(open({str(place)!r}).read())\n'
    command.write_text(command.read_text() + looks)
    (line / "data").mkdir()
    (line / "data" / ".gitignore").write_text("")
    (line / "in.txt").write_text("2")
    dvc = yaml.safe_load((line / "dvc.yaml").read_text())
    dvc["stages"]["double"]["deps"].append("data/source.lock")
    (line / "dvc.yaml").write_text(yaml.safe_dump(dvc))
    params = yaml.safe_load((line / "params.yaml").read_text())
    (line / "params.yaml").write_text(yaml.safe_dump({**params, "schedule": {"revision": "main"}}))
    make_repository(line)
    (line / "flows").mkdir()
    (line / "flows" / "retrain.py").write_text("")
    git(line, "add", "flows")
    git(line, "commit", "-qm", "it knows scheduled runs")
    begin_work(line)
    monkeypatch.setenv("GRAFTLINE_HOME", str(line / ".graftline"))  # as the launcher hands it on
    see(line, "1", "2")
    return line


@pytest.fixture
def tree(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with worktree(repository, resolve(repository, "main")) as tree:
        monkeypatch.chdir(tree)  # as the launcher starts it; DVC looks for a stage there
        yield tree
        monkeypatch.chdir(repository)


def retrain(tree: Path, because: str = "") -> dict[str, object]:
    """The answer of a run in the worktree, as a new one finds it."""
    from flows.retrain import retrain as flow

    git(tree, "checkout", "-q", "--force", "main", "--detach")
    for name in ("data/source.lock", "dvc.lock"):
        (tree / name).unlink(missing_ok=True)
    result = tree.parent / "answer.json"
    asked = {"result": str(result), "base": "", "revision": "main", "because": because}
    state = flow(str(tree), asked, return_state=True)
    found: dict[str, object] = json.loads(result.read_text())
    assert (found["name"], found["message"]) == (state.name, state.message)
    return found


def test_a_refused_run_leaves_its_branch_and_the_next_one_tries_again(repository: Path, tree: Path) -> None:
    before = persons(repository)
    answer = retrain(tree)
    assert (answer["name"], answer["code"], answer["green"]) == ("GateFailed", REFUSED, False)
    assert (answer["event"], answer["verdict"]) == ("failed", "fail")
    (past,) = past_runs(repository)
    assert past.branch == f"refs/heads/{answer['branch']}"
    assert (past.outcome, past.refused) == ("", "GateFailed")
    changed = git(repository, "diff", "--name-only", "main", past.branch).split()
    assert changed == ["data/source.lock", "dvc.lock"]
    assert retrain(tree)["branch"] == answer["branch"]
    assert persons(repository) == before


def test_nothing_is_done_unless_data_parameters_or_code_are_new(repository: Path, tree: Path) -> None:
    branch = str(retrain(tree)["branch"])
    finish(repository, branch, "Completed", "as if it had passed")
    (tree / "verdict.json").unlink()
    began = time.monotonic()
    answer = retrain(tree)
    assert time.monotonic() - began < 20  # a second's work, on a busy machine
    assert (answer["name"], answer["code"], answer["event"]) == ("NothingNew", 0, "done")
    assert answer["message"] == f"Data, parameters and code are those of {branch}."
    assert not (tree / "verdict.json").exists()
    see(repository, "1", "2", "3")
    assert retrain(tree)["branch"] != branch


def test_drift_trains_only_where_there_is_something_to_learn(repository: Path, tree: Path) -> None:
    assert retrain(tree, "drift: blur")["name"] == "GateFailed"  # nothing was trained before
    answer = retrain(tree, "drift: blur")
    assert (answer["name"], answer["code"], answer["event"]) == ("LabelsNeeded", LABELS_NEEDED, "labels")
    assert "Started because of drift: blur." in str(answer["message"])
    see(repository, "1", "2", "3")
    assert retrain(tree, "drift: blur")["name"] == "GateFailed"


def test_a_run_that_stopped_before_its_judgement_is_repeated_by_the_same_command(
    repository: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.retrain

    def away(*_: object) -> None:
        raise RegistryError("The registry does not answer.")

    assert retrain(tree)["name"] == "GateFailed"
    see(repository, "1", "2", "3")
    with monkeypatch.context() as changed:
        changed.setattr(flows.retrain, "judge", away)
        assert retrain(tree, "drift: blur")["name"] == "RegistryError"
    assert retrain(tree, "drift: blur")["name"] == "GateFailed"
    assert retrain(tree, "drift: blur")["name"] == "LabelsNeeded"


def test_a_window_names_what_to_label_and_is_trained_for_once(repository: Path, tree: Path) -> None:
    """F26."""
    assert retrain(tree)["name"] == "GateFailed"
    window = "a1" * 32
    listed = repository / ".graftline" / "monitoring" / "model" / window[:16] / "label.csv"
    listed.parent.mkdir(parents=True)
    listed.write_text('id,why\n"dark/8, left.png",unsure\ndark/9.png,unsure\n')
    answer = retrain(tree, f"drift: window {window}")
    assert answer["name"] == "LabelsNeeded"
    assert f"Label these 2 samples, the most useful first: {listed}, or" in str(answer["message"])
    see(repository, "1", "2", "3")
    trained = retrain(tree, f"drift: window {window}")
    assert trained["name"] == "GateFailed"
    see(repository, "1", "2", "3", "4")
    again = retrain(tree, f"drift: window {window}")
    assert again["name"] == "NothingNew"
    assert again["message"] == f"For window {window[:12]}, {trained['branch']} was trained: GateFailed."
    assert retrain(tree, f"drift: window {'b' * 64}")["name"] == "GateFailed"


def test_what_the_run_was_made_from_stands_in_mlflow(repository: Path, tree: Path) -> None:
    from components.params import load_params
    from components.registry.store import connect

    answer = retrain(tree, "somebody asked")
    client = connect(repository, load_params(repository / "params.yaml").tracking).client
    found = client.search_runs([client.get_experiment_by_name("graftline").experiment_id])
    (tags,) = [run.data.tags for run in found]
    assert tags["graftline.git_commit"] == git(repository, "rev-parse", "main")
    assert tags["graftline.git_dirty"] == "false"
    assert tags["graftline.because"] == "somebody asked"
    assert tags["graftline.run_branch"] == answer["branch"]
    assert tags["graftline.run_commit"] == git(repository, "rev-parse", f"{answer['branch']}^")


ANSWER = {"name": "NothingNew", "green": True, "message": "as before", "code": 0, "event": "done"}
FAKE = """
import json, os, pathlib, sys
asked = json.loads(pathlib.Path(sys.argv[1]).read_text())
seen = {"cwd": os.getcwd(), "because": asked["because"], "home": os.environ["GRAFTLINE_HOME"]}
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(seen))
if os.environ.get("ANSWER"):
    pathlib.Path(asked["result"]).write_text(os.environ["ANSWER"])
    sys.exit(0)
sys.exit(9)
"""


@pytest.fixture
def launched(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The launcher, with a run inside that only says what it saw; a person's folder around it."""
    import flows.launch

    monkeypatch.setattr(flows.launch, "INSIDE", (sys.executable, "-c", FAKE))
    monkeypatch.setenv("SEEN", str(repository.parent / "seen.json"))
    monkeypatch.delenv("GRAFTLINE_HOME")
    return repository


def launch(root: Path, **options: str) -> tuple[str, str, int]:
    from flows.launch import scheduled

    state = scheduled(str(root), return_state=True, **options)
    return state.name, state.message, code_of(state)


def test_the_launcher_ends_as_the_run_inside_does(launched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = persons(launched)
    monkeypatch.setenv("ANSWER", json.dumps(ANSWER))
    assert launch(launched, because="drift: noise") == ("NothingNew", "as before", 0)
    seen = json.loads((launched.parent / "seen.json").read_text())
    assert seen["because"] == "drift: noise"
    assert Path(seen["home"]) == launched / ".graftline"
    assert not Path(seen["cwd"]).exists()
    assert persons(launched) == before

    monkeypatch.delenv("ANSWER")
    with listening() as hook:
        monkeypatch.setenv("GRAFTLINE_WEBHOOK", hook.address)
        name, message, code = launch(launched)
    assert (name, code) == ("Crashed", 9)
    assert "ended with code 9 and said nothing" in message
    assert [news["message"] for news in hook.got] == [message]
    monkeypatch.delenv("GRAFTLINE_WEBHOOK")

    assert launch(launched, revision="main~1")[0] == "ParamsError"  # knows no scheduled runs
    assert launch(launched, revision="nowhere")[::2] == ("ParamsError", 2)
    with line_lock(launched, 0):
        name, message, code = launch(launched)
    assert (name, code) == ("Busy", BUSY)
    assert message.startswith("Another scheduled run of this line is at work.")
    assert persons(launched) == before
    assert os.listdir(launched / ".graftline" / "scheduled") == []  # noqa: PTH208


def test_a_run_for_a_window_waits_for_its_turn(launched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWER", json.dumps(ANSWER))
    with ExitStack() as held:
        held.enter_context(line_lock(launched, 0))
        end = threading.Timer(1.0, held.close)
        end.start()
        assert launch(launched, because="drift: window 7") == ("NothingNew", "as before", 0)
        assert end.finished.is_set()


def test_the_address_may_lie_in_a_block_of_prefect(server: None) -> None:
    from prefect.blocks.system import Secret

    news = News("cells", "labels", "LabelsNeeded", "Label some.")
    with listening() as hook:
        Secret(value=hook.address).save("hook", overwrite=True, _sync=True)
        assert tell(NotifyParams(block="secret/hook"), news)
        assert not tell(NotifyParams(block="secret/another"), news)
    assert [told["state"] for told in hook.got] == ["LabelsNeeded"]


def test_outside_of_a_repository_it_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.scheduled import main

    assert main([], tmp_path) == 14
    assert "is not in a git repository" in capsys.readouterr().err
    git(tmp_path, "init", "-q")
    assert main(["--revision", "nowhere"], tmp_path) == 2
    assert "The revision 'nowhere' is not in" in capsys.readouterr().err
    (tmp_path / "inner").mkdir()
    assert main([], tmp_path / "inner") == 2
    assert "is not the top folder of a git repository" in capsys.readouterr().err
