"""All servers at work, in the order of a bad week: `make platform`, some minutes.

The training is a stand-in here; a real one: test_real_line.py.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from canaries import MARK, planted
from platforms import ENDED, Platform, running, stand_in, until

from components.params.operation import TrackingParams
from components.registry.store import Connection, connect
from infra.servers.layout import layout
from tests.unit.flows.webhook import listening

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running(
        lambda folder: Platform(stand_in(folder), folder / "home", secrets(folder / "key.pem"))
    ) as made:
        yield made


def secrets(key: Path) -> Mapping[str, str]:
    """Without those that would lead to other servers, or past the passwords of these."""
    return {
        name: value for name, value in planted(key).items() if not name.startswith(("MLFLOW_", "PREFECT_"))
    }


@pytest.fixture
def registry(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("GRAFTLINE_HOME", str(platform.home))
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return connect(layout(platform.root).root, TrackingParams(model="m"))


def test_up_twice_does_nothing_and_status_says_healthy(platform: Platform) -> None:
    before = platform.pids()
    assert set(before) == {"supervisor", "postgres", "mlflow", "prefect", "worker"}
    platform.servers("up")
    assert platform.pids() == before
    assert platform.servers("status").count("healthy, since") == 4


def test_nobody_gets_in_without_the_password(platform: Platform) -> None:
    for line in platform.servers("status").splitlines():
        if (url := line.split()[-1]).startswith("http"):
            path = (
                "/api/flow_runs/filter"
                if line.startswith("prefect")
                else "/api/2.0/mlflow/experiments/search"
            )
            assert httpx.post(url + path, json={"max_results": 1}, trust_env=False).status_code == 401


def test_a_version_and_its_files_go_through_the_server(registry: Connection, tmp_path: Path) -> None:
    client = registry.client
    run = client.create_run(registry.experiment)
    (tmp_path / "model.onnx").write_bytes(b"network")
    client.log_artifact(run.info.run_id, str(tmp_path / "model.onnx"))
    client.create_registered_model("m")
    version = client.create_model_version("m", run.info.artifact_uri, run.info.run_id)
    client.set_registered_model_alias("m", "champion", version.version)
    assert served(registry, tmp_path / "down") == b"network"


def served(registry: Connection, folder: Path) -> bytes:
    """The champion's file, as the server has it."""
    folder.mkdir()
    version = registry.client.get_model_version_by_alias("m", "champion")
    return Path(registry.client.download_artifacts(version.run_id, "model.onnx", str(folder))).read_bytes()


def test_a_cron_schedule_starts_a_run_by_itself(platform: Platform) -> None:
    deployed = platform.run("flows.deploy")
    assert deployed.returncode == 0, deployed.stderr
    assert platform.run("flows.deploy").returncode == 0  # as often as you like

    def came() -> bool:
        made = [run for run in platform.runs() if run["created_by"]["type"] == "SCHEDULE"]
        return any(run["state_type"] == "COMPLETED" for run in made)

    until(came, 240, "a scheduled run completed")
    assert "schedule" in (platform.root / "beats").read_text()


def test_a_second_run_is_refused_and_seen(platform: Platform) -> None:
    first = platform.start(seconds=60)
    until(lambda: platform.state(first) == "RUNNING" or platform.state(first) in ENDED, 180, "a run began")
    if platform.state(first) == "CANCELLED":  # the schedule's own run was there before
        return
    second = platform.start(seconds=0)
    until(lambda: platform.state(second) == "CANCELLED", 180, "the second was refused")
    said = platform.ask(f"/api/flow_runs/{second}")["state"]["message"]
    assert said == "Deployment concurrency limit reached."
    until(lambda: platform.state(first) == "COMPLETED", 180, "the first was not disturbed")


def test_one_window_starts_one_training_however_often_drift_is_seen(platform: Platform) -> None:
    for _ in range(10):
        platform.drift("2026-11-21T22")
    platform.drift("2026-11-21T23")
    for window in ("2026-11-21T23", "2026-11-21T22"):  # whichever comes first: one waits for the other
        until(
            lambda w=window: platform.runs(because=f"drift: window {w}"), 240, f"the run of window {window}"
        )
        assert len(platform.planned(because=f"drift: window {window}")) == 1


def test_servers_killed_under_a_run_come_back_and_the_run_ends(
    platform: Platform, registry: Connection, tmp_path: Path
) -> None:
    run = begun(platform, seconds=45)
    platform.kill("postgres", "mlflow", "prefect")
    platform.servers("up")
    until(lambda: platform.state(run) in ENDED, 300, "the run ended")
    assert served(registry, tmp_path / "down") == b"network"


def begun(platform: Platform, seconds: float) -> str:
    """A run that really began: the schedule's own may hold the only place."""
    for _ in range(5):
        run = platform.start(seconds=seconds)
        until(lambda run=run: platform.state(run) in {"RUNNING", *ENDED}, 180, "a run began")
        if platform.state(run) == "RUNNING":
            return run
    raise AssertionError("no run began")


def test_a_run_whose_machine_is_lost_ends_as_crashed_and_people_hear_of_it(platform: Platform) -> None:
    with listening() as hook:
        platform.webhook("people", f"{hook.address}&{MARK}")
        deployed = platform.run("flows.deploy")
        assert deployed.returncode == 0, deployed.stderr
        run = begun(platform, seconds=600)
        until(lambda: heartbeat(platform, run), 120, "a heartbeat")
        platform.kill("worker")  # and the run's own process, which carries the same mark
        platform.servers("up")
        until(lambda: platform.state(run) == "CRASHED", 300, "the lost run is Crashed")
        name = platform.ask(f"/api/flow_runs/{run}")["name"]
        until(lambda: [news for news in hook.got if name in news["message"]], 60, "the webhook was told")
    assert {news["state"] for news in hook.got} == {"Crashed"}


def heartbeat(platform: Platform, run: str) -> bool:
    named = {
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run}"]},
    }
    return bool(platform.ask("/api/events/filter", {"filter": named})["events"])


def test_no_secret_stands_in_logs_databases_or_artefacts(platform: Platform, tmp_path: Path) -> None:
    assert platform.leaks(tmp_path) == []
    assert "stand-in" in (tmp_path / "prefect.sql").read_text()
    assert all((tmp_path / "logs" / f"{name}.log").stat().st_size for name in ("mlflow", "prefect", "worker"))


def test_a_killed_supervisor_leaves_nothing_that_up_cannot_mend(platform: Platform) -> None:
    platform.kill("supervisor")
    platform.servers("up")
    assert platform.servers("status").count("healthy, since") == 4


def test_a_backup_brings_back_registry_runs_and_artefacts(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(platform.runs())
    platform.servers("backup", str(tmp_path))
    (made,) = tmp_path.glob("graftline-*")
    assert platform.run("infra.servers", "restore", str(made)).returncode == 75  # they run
    platform.servers("down")
    assert platform.pids() == {}
    shutil.rmtree(platform.where.folder)
    platform.servers("restore", str(made))
    platform.servers("up")
    assert len(platform.runs()) >= count
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRAFTLINE_HOME", str(platform.home))
    assert served(connect(platform.root, TrackingParams(model="m")), tmp_path / "down") == b"network"


def test_down_leaves_nothing_running(platform: Platform) -> None:
    platform.servers("down")
    assert platform.pids() == {}
    assert platform.run("infra.servers", "status").returncode == 1
    platform.servers("down")  # as often as you like
