import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stored import StoredId

from components.errors import Busy, DataError, Interrupted, ParamsError
from components.params import Params
from components.registry import runs
from components.registry.delivery import deliver
from components.registry.owners import Owner, alive, elsewhere, identity, pipeline_owner
from components.registry.store import connect
from components.storage.publish import read_json, write_json

STAGE = """
import sys
from pathlib import Path
from components.params.load import check
from components.registry.runs import current_run, record_producer
root = Path(sys.argv[1])
params = check({"data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
                "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]}})
run = current_run(root, params)
record_producer(root, sys.argv[2], {"out": sys.argv[2] * 4})
sys.stdout.write(run.id)
"""


def _stages_under(root: Path, name: str, *stages: str) -> list[str]:
    """Run stages one after the other as children of one process whose program is called `name`."""
    program = root / name
    program.write_text(
        "import subprocess, sys\n"
        f"ids = [subprocess.run(['sh', '-c', f'{sys.executable} -c \"$CODE\" {root} {{s}}; true'],"
        " capture_output=True, text=True, check=True).stdout for s in sys.argv[1:]]\n"
        "sys.stdout.write(' '.join(ids))\n"
    )
    done = subprocess.run(
        [sys.executable, program, *stages],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CODE": STAGE},
    )
    return done.stdout.split()


def test_stages_of_one_dvc_process_share_a_run_and_another_process_has_its_own(workspace: Path) -> None:
    first = _stages_under(workspace, "dvc", "a", "b")
    second = _stages_under(workspace, "dvc", "a")
    assert len(first) == 2
    assert first[0] == first[1]
    assert second[0] != first[0]
    assert runs.producer(workspace, "a", {"out": "aaaa"}) == second[0]
    assert runs.producer(workspace, "b", {"out": "bbbb"}) == first[0]
    assert runs.producer(workspace, "b", {"out": "other"}) is None


def test_a_flow_hands_its_run_over(workspace: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTLINE_RUN_ID", "0123456789abcdef" * 2)
    assert runs.current_run(workspace, params).id == "0123456789abcdef" * 2
    monkeypatch.setenv("GRAFTLINE_RUN_ID", "../../etc")
    assert runs.handed_run(workspace) is None


def test_an_identity_ends_with_its_process() -> None:
    with subprocess.Popen(["sleep", "30"]) as process:
        name = identity(process.pid)
        assert name is not None
        assert alive(name)
        assert not alive(name.replace(name.split("-")[1], "1"))  # the same number, another process
        process.kill()
        process.wait()
    assert not alive(name)
    assert not alive("")


def test_of_another_host_or_pod_nobody_can_say_that_it_is_dead() -> None:
    ours = identity(os.getpid())
    assert ours is not None
    mine = Owner.read(ours)
    assert not elsewhere(ours)
    assert not elsewhere(str(replace(mine, host="renamed")))  # the same kernel, the same numbers
    for other in (
        replace(mine, host="pod-b", namespace="1"),  # of this node
        replace(mine, host="pod-b", namespace="1", boot="0badcafe"),
        replace(mine, namespace="1"),  # two pods with the node's own name
    ):
        assert elsewhere(str(other))
        assert alive(str(other))
    restarted = str(replace(mine, boot="0badcafe"))
    assert not elsewhere(restarted)
    assert not alive(restarted)


def test_identities_of_earlier_versions_are_read() -> None:
    ours = Owner.read(identity(os.getpid()) or "")
    assert alive("-".join(ours.process))
    assert not alive(f"{ours.pid}-1-{ours.boot}")
    assert not alive(f"{ours.pid}-{ours.started}-0badcafe")
    assert not elsewhere("-".join(ours.process))


BEGIN = """
import sys, time
from pathlib import Path
from components.registry.runs import begin_run
sys.stdout.write(begin_run(Path(sys.argv[1]), "a" * 32, {}).id + chr(10))
sys.stdout.flush()
time.sleep(60)
"""


def test_a_process_in_another_namespace_keeps_its_run(workspace: Path) -> None:
    words = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("no namespaces may be made here")
    command = [*words, sys.executable, "-c", BEGIN, str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert name == "a" * 32
        assert runs.close_dead(workspace) == []
        other.kill()
    assert runs.close_dead(workspace) == []  # it may live, for all that is known here


def test_a_quiet_run_of_another_host_is_told_and_closed_by_hand(
    workspace: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs.start_run(workspace, params, "flow")
    path = run.folder / f"{run.id}.json"
    there = Owner("7", "8", "0badcafe", "9", "pod-b")
    write_json(path, {**read_json(path), "owner": str(there)})
    assert runs.close_dead(workspace) == []
    assert "pod-b" not in capsys.readouterr().err
    long_ago = time.time() - 2 * 3600
    os.utime(run.journal.path, (long_ago, long_ago))
    assert runs.close_dead(workspace) == []
    said = capsys.readouterr().err
    assert f"runs of pod-b still live cannot be seen from here, and they are quiet: {run.id[:8]}" in said
    assert f"python -m components close {run.id[:8]}" in said
    runs.close(workspace, [run.id[:8]])
    assert read_json(path)["status"] == "KILLED"
    os.utime(run.journal.path, (long_ago, long_ago))
    assert runs.close_dead(workspace) == []
    assert "pod-b" not in capsys.readouterr().err


def test_what_another_host_delivered_goes_a_day_after_its_end(
    workspace: Path, params: Params, stored_id: StoredId
) -> None:
    run = runs.start_run(workspace, params, "flow")
    path = run.folder / f"{run.id}.json"
    run.set_status("FINISHED")
    write_json(path, {**read_json(path), "owner": str(Owner("7", "8", "0badcafe", "9", "pod-b"))})
    deliver(workspace, connect(workspace, params.tracking))
    runs.close_dead(workspace)
    assert run.journal.path.exists()
    yesterday = time.time() - 25 * 3600
    os.utime(run.journal.path, (yesterday, yesterday))
    runs.close_dead(workspace)
    assert not run.journal.path.exists()


def test_only_what_is_not_seen_here_is_closed_by_hand(workspace: Path, params: Params) -> None:
    run = runs.start_run(workspace, params, "flow")
    with pytest.raises(Busy, match=rf"belongs to process {os.getpid()} of this host, which lives"):
        runs.close(workspace, [run.id])
    with pytest.raises(ParamsError, match=r"0 runs in .* are named 'ffff', not one"):
        runs.close(workspace, ["ffff"])


def test_the_owner_is_no_shell() -> None:
    assert pipeline_owner() in {os.getpid(), os.getppid()}


def test_a_run_whose_owner_was_killed_is_closed_by_the_next(
    workspace: Path, params: Params, stored_id: StoredId
) -> None:
    with subprocess.Popen(["sleep", "30"]) as owner:
        run = runs.start_run(workspace, params, "flow", pid=owner.pid)
        assert runs.close_dead(workspace) == []
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    runs.start_run(workspace, params, "flow")
    connection = connect(workspace, params.tracking)
    deliver(workspace, connection)
    assert connection.client.get_run(stored_id(run)).info.status == "KILLED"


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (DataError("bad"), "FAILED"), (Interrupted("stop"), "KILLED")]
)
def test_a_run_ends_as_its_stage_does(
    workspace: Path, params: Params, stored_id: StoredId, error: Exception | None, status: str
) -> None:
    def stage() -> None:
        with runs.tracked_stage(workspace, params, "select") as tracker:
            tracker.metrics({"chosen": 1.0})
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            stage()
    else:
        stage()
    run = runs.current_run(workspace, params)
    stored = connect(workspace, params.tracking).client.get_run(stored_id(run))
    assert stored.info.status == status
    assert stored.data.tags["graftline.engine"] == "dvc"


def test_a_cached_stage_is_linked_to_its_producer(
    workspace: Path, params: Params, stored_id: StoredId, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = runs.start_run(workspace, params, "flow")
    monkeypatch.setenv("GRAFTLINE_RUN_ID", first.id)
    runs.record_producer(workspace, "select", {"selected": "d" * 64})
    second = runs.start_run(workspace, params, "flow")
    assert runs.link_cached(second, "select", {"selected": "d" * 64}) == first.id
    assert runs.link_cached(second, "select", {"selected": "e" * 64}) is None
    connection = connect(workspace, params.tracking)
    deliver(workspace, connection)
    deliver(workspace, connection)
    tags = connection.client.get_run(stored_id(second)).data.tags
    assert tags["stage.select.run_id"] in {
        stored_id(first),
        first.id,
    }


def test_a_home_that_cannot_be_written_stops_no_stage(
    workspace: Path, params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "file").write_text("")
    monkeypatch.setenv("GRAFTLINE_HOME", str(workspace / "file"))
    with runs.tracked_stage(workspace, params, "select") as tracker:
        tracker.metrics({"chosen": 1.0})
    assert "not tracked" in capsys.readouterr().err


def test_parameters_are_flat_and_without_secrets() -> None:
    assert runs.flat({"a": {"b": "s3://k:canary@x/y", "c": 1}, "d": {}}) == {
        "a.b": "s3://***@x/y",
        "a.c": "1",
        "d": "{}",
    }
