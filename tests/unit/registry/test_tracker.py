import re
import socket
import time
from pathlib import Path

import pytest
from stored import StoredId

from components.params import Params
from components.params.operation import TrackingParams
from components.registry.delivery import deliver, store_run
from components.registry.journal import Journal
from components.registry.runs import start_run
from components.registry.store import connect
from components.registry.tracker import MlflowTracker, SystemSampler
from components.storage.publish import kernel_lock, read_json, write_json


def test_what_a_stage_says_reaches_mlflow(workspace: Path, params: Params, stored_id: StoredId) -> None:
    run = start_run(workspace, params, "flow")
    tracker = MlflowTracker(workspace, params.tracking, run.journal, "fine_tune")
    tracker.start()
    tracker.params({"rate": 0.001})
    for step in range(3):
        tracker.metrics({"loss": 1.0 / (step + 1), "type=mono": 0.5}, step)
    tracker.tags({"source": "https://user:canary@host/data"})
    tracker.close()

    client = connect(workspace, params.tracking).client
    stored = client.get_run(stored_id(run))
    history = client.get_metric_history(stored_id(run), "fine_tune/loss")
    assert [(m.step, m.value) for m in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert stored.data.metrics["fine_tune/type_mono"] == 0.5
    assert stored.data.params["fine_tune/rate"] == "0.001"
    assert stored.data.params["tracking.model"] == "cells"
    assert stored.data.tags["fine_tune/source"] == "https://***@host/data"
    assert stored.data.metrics["system/rss_megabytes"] > 1


def test_a_slow_store_reads_as_information(
    workspace: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a first run, while MLflow makes its tables. This one takes the connection and never answers."""
    run = start_run(workspace, params, "flow")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = TrackingParams(uri=f"http://127.0.0.1:{silent.getsockname()[1]}")
        tracker = MlflowTracker(workspace, slow, run.journal, "evaluate")
        tracker.start()
        tracker.close(0.1)
    said = capsys.readouterr().err
    assert f"MLflow at {slow.uri} is still busy with what this run recorded. The rest is kept" in said
    assert not re.search("error|answer|fail", said)
    assert run.journal.has_pending()


def test_a_store_that_is_away_delays_nothing_and_gets_everything_later(
    workspace: Path,
    params: Params,
    stored_id: StoredId,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run = start_run(workspace, params, "flow")
    away = TrackingParams(uri="http://user:canary@127.0.0.1:9")
    tracker = MlflowTracker(workspace, away, run.journal, "evaluate")
    tracker.start()
    before = time.monotonic()
    tracker.metrics({"accuracy": 0.9})
    assert time.monotonic() - before < 0.05
    tracker.close()
    said = capsys.readouterr().err
    assert said.count("kept and delivered later") == 1
    assert "canary" not in said

    connection = connect(workspace, params.tracking)
    deliver(workspace, connection)
    assert connection.client.get_run(stored_id(run)).data.metrics["evaluate/accuracy"] == 0.9


def test_delivering_twice_changes_nothing(workspace: Path, params: Params, stored_id: StoredId) -> None:
    run = start_run(workspace, params, "flow")
    run.say("metrics", {"loss": 0.5}, 1)
    connection = connect(workspace, params.tracking)
    deliver(workspace, connection)
    run.journal.mark(0)
    deliver(workspace, connection)
    assert len(connection.client.get_metric_history(stored_id(run), "loss")) == 1


def test_a_run_made_by_a_process_that_died_is_found_again(workspace: Path, params: Params) -> None:
    connection = connect(workspace, params.tracking)
    folder = workspace / ".graftline" / "runs"
    first = store_run(folder, "a" * 32, connection)
    (known,) = folder.glob("*.mlflow")
    known.unlink()
    assert store_run(folder, "a" * 32, connection) == first


def test_a_record_that_mlflow_refuses_does_not_hold_up_the_rest(
    workspace: Path, params: Params, stored_id: StoredId, capsys: pytest.CaptureFixture[str]
) -> None:
    run = start_run(workspace, params, "flow")
    connection = connect(workspace, params.tracking)
    run.say("params", {"fixed": 1})
    deliver(workspace, connection)
    run.say("params", {"fixed": 2})  # MLflow's parameters never change
    run.say("metrics", {"loss": 0.5}, 1)
    deliver(workspace, connection)
    assert not run.journal.has_pending()
    assert "does not take a record" in capsys.readouterr().err
    assert connection.client.get_run(stored_id(run)).data.metrics["loss"] == 0.5


def test_a_stage_leaves_delivery_to_the_flow_that_does_it(
    workspace: Path, params: Params, stored_id: StoredId
) -> None:
    run = start_run(workspace, params, "flow")
    tracker = MlflowTracker(workspace, params.tracking, run.journal, "gate")
    with kernel_lock(workspace / ".graftline" / "locks" / "delivery"):
        tracker.start()
        tracker.metrics({"rules": 5.0})
        before = time.monotonic()
        tracker.close()
        assert time.monotonic() - before < 1.0
    assert stored_id(run) == "none"
    assert run.journal.has_pending()


def test_system_metrics_name_cpu_and_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "a")
    sampler = SystemSampler(journal, interval=60.0)
    sampler.sample()
    busy_until = time.process_time() + 0.2  # the kernel counts in ticks of 10 ms
    while time.process_time() < busy_until:
        pass
    sampler.start()
    sampler.close()
    values = [dict(record.values) for record in journal.pending()[0]]
    assert values[0].keys() == {"system/rss_megabytes"}
    assert max(float(v.get("system/cpu_percent", 0)) for v in values) > 0


def test_a_run_starts_when_it_began_not_when_it_is_delivered(
    workspace: Path, params: Params, stored_id: StoredId
) -> None:
    run = start_run(workspace, params, "flow")
    path = run.folder / f"{run.id}.json"
    write_json(path, {**read_json(path), "started": "2026-01-02T03:04:05Z"})
    connection = connect(workspace, params.tracking)
    deliver(workspace, connection)
    assert connection.client.get_run(stored_id(run)).info.start_time == 1767323045000
