import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from components.ending import Stopped
from components.errors import (
    Busy,
    DataError,
    DigestMismatch,
    Interrupted,
    SourceError,
    SourceRefused,
    StorageError,
)
from components.params import load_params
from components.registry.delivery import AFTER_SIGNAL, deliver_now, known_as
from components.registry.runs import handed_run
from components.registry.store import connect
from flows.engine import (
    StageFailed,
    execution,
    failed,
    worth_retrying,
)
from flows.processes import PATIENCE, children, terminate
from flows.server import LAST_WORDS
from flows.workspace import probe


def test_a_stage_runs_once_and_dvc_agrees(line: Path) -> None:
    with execution(line, load_params(line / "params.yaml")) as first:
        assert [first.stage("double", ["doubled.txt"]).how, first.stage("judge", ["verdict.json"]).how] == [
            "ran",
            "ran",
        ]
        lock = (line / "dvc.lock").read_bytes()
        again = first.stage("double", ["doubled.txt"])
        assert again.how == "cached"
        assert again.seconds < 1
    assert (line / "doubled.txt").read_text() == "6"
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status"], cwd=line, capture_output=True, text=True, check=True
    )
    assert "up to date" in status.stdout
    assert (line / "dvc.lock").read_bytes() == lock


def test_of_a_line_that_is_up_to_date_dvc_is_asked_once(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call for each stage would read the whole line each time."""
    asked: list[str] = []

    def hows() -> list[str]:
        with execution(line, load_params(line / "params.yaml")) as run:
            reproduce = run.repo.reproduce

            def counted(name: str) -> bool:
                asked.append(name)
                return reproduce(name)

            monkeypatch.setattr(run.repo, "reproduce", counted)
            return [run.stage("double", ["doubled.txt"]).how, run.stage("judge", ["verdict.json"]).how]

    assert (hows(), asked) == (["ran", "ran"], ["double", "judge"])
    asked.clear()
    assert (hows(), asked) == (["cached", "cached"], [])
    (line / "in.txt").write_text("4")
    assert (hows(), asked) == (["ran", "ran"], ["double", "judge"])


def test_the_report_is_made_again_only_after_something_ran(line: Path) -> None:
    with execution(line, load_params(line / "params.yaml")) as run:
        assert not run.report_is_fresh()
        run.stage("double", ["doubled.txt"])
        page = run.state / "reports" / "report.html"
        page.parent.mkdir()
        page.write_text("<html>")
        run.stage("double", ["doubled.txt"])
        assert run.report_is_fresh()
        (line / "release").mkdir()
        assert not run.report_is_fresh()  # a release has a model card
        for name in ("README.md", "card.json"):
            page.with_name(name).write_text("{}")
        assert run.report_is_fresh()
        run.stage("judge", ["verdict.json"])
        assert not run.report_is_fresh()


def test_a_stage_keeps_its_exit_code_and_its_message(line: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (line / "in.txt").write_text("-1")
    params = load_params(line / "params.yaml")
    with pytest.raises(StageFailed) as caught, execution(line, params) as first:
        first.stage("double", ["doubled.txt"])
    assert caught.value.exit_code == DataError.exit_code
    said = capfd.readouterr()
    assert said.err.count("a negative number") == 1
    assert "Traceback" not in said.err
    assert said.out == ""


def test_the_workspace_is_held_by_one(line: Path) -> None:
    params = load_params(line / "params.yaml")
    with execution(line, params) as first:
        assert handed_run(line) == first.run
        with pytest.raises(Busy):
            probe(line)
        with pytest.raises(Busy), execution(line, params):
            pass
    probe(line)
    assert handed_run(line) is None


@pytest.mark.parametrize(
    ("raised", "status"), [(None, "FINISHED"), (DataError("x"), "FAILED"), (Stopped(), "KILLED")]
)
def test_the_mlflow_run_ends_as_the_flow_does(line: Path, raised: BaseException | None, status: str) -> None:
    params = load_params(line / "params.yaml")

    def flow() -> str:
        with execution(line, params) as first:
            names.append(first.run.id)
            if raised:
                raise raised
        return ""

    names: list[str] = []
    if raised is None:
        flow()
    else:
        with pytest.raises(type(raised)):
            flow()
    connection = connect(line, params.tracking)
    deliver_now(line, connection)  # as the next run does with what there was no time for
    run_id = known_as(line / ".graftline" / "runs", names[0], connection.place)
    assert connection.client.get_run(run_id).info.status == status


def test_children_get_time_to_end_and_none_stays() -> None:
    slow = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        with subprocess.Popen(["sleep", "60"]) as polite:
            pids = {stubborn.pid, polite.pid}
            before = time.monotonic()
            terminate([child for child in children() if child.pid in pids], patience=0.5)
            assert 0.4 < time.monotonic() - before < 5
            assert not pids & set(psutil.pids())


def test_what_follows_a_signal_fits_into_30_seconds() -> None:
    """A stage says goodbye within its patience, and the flow within what Kubernetes gives; 26 s were too near."""
    assert AFTER_SIGNAL < PATIENCE / 2
    assert PATIENCE + AFTER_SIGNAL + 2 * LAST_WORDS <= 25


@pytest.mark.parametrize("damage", ["schema: '2.0'\nstages: {double: [\n", "<<<<<<< HEAD\n", "schema: '9'\n"])
def test_a_damaged_dvc_lock_is_named_with_its_remedy(line: Path, damage: str) -> None:
    (line / "dvc.lock").write_text(damage)
    with pytest.raises(StorageError) as caught, execution(line, load_params(line / "params.yaml")) as first:
        first.stage("double", ["doubled.txt"])
    assert "dvc.lock" in caught.value.message
    assert "git checkout dvc.lock" in caught.value.remedy


def test_a_signal_to_a_stage_is_no_failure_of_it() -> None:
    assert isinstance(failed("fine_tune", 75), Interrupted)
    assert isinstance(failed("fine_tune", -signal.SIGTERM), Interrupted)
    assert failed("fine_tune", 17).exit_code == 17
    assert failed("fine_tune", -signal.SIGKILL).exit_code == 1


def test_only_what_the_network_may_cure_is_tried_again() -> None:
    assert worth_retrying(StageFailed("refresh", SourceError.exit_code))
    assert not worth_retrying(StageFailed("refresh", DigestMismatch.exit_code))
    assert not worth_retrying(StageFailed("refresh", SourceRefused.exit_code))
    assert not worth_retrying(StageFailed("refresh", 1))
    assert not worth_retrying(ValueError())


def test_stages_find_this_python(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with execution(line, load_params(line / "params.yaml")):
        assert os.environ["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def _flip(path: Path) -> None:
    """One bit, with size, mode and time as they were: DVC takes the file for the old one."""
    kept = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    path.chmod(kept.st_mode)


def test_an_output_that_dvc_takes_for_whole_is_looked_at(line: Path) -> None:
    with execution(line, load_params(line / "params.yaml")) as run:
        assert run.stage("double", ["doubled.txt"]).how == "ran"
        _flip(line / "doubled.txt")
        with pytest.raises(DigestMismatch, match=r"doubled\.txt is not what .* wrote"):
            run.stage("double", ["doubled.txt"])


def test_a_damaged_object_of_dvc_s_cache_is_not_restored(line: Path) -> None:
    with execution(line, load_params(line / "params.yaml")) as run:
        run.stage("double", ["doubled.txt"])
        whole = (line / "doubled.txt").read_bytes()
        (kept,) = [path for path in (line / ".dvc" / "cache" / "files").rglob("*") if path.is_file()]
        _flip(kept)
        (line / "doubled.txt").unlink()
        run.stage("double", ["doubled.txt"])  # its toy writes no timing, so how it went is not known
    assert (line / "doubled.txt").read_bytes() == whole == kept.read_bytes()
