"""A real line on real servers: cron, drift, retraining, scores, rollback; then servers that are killed in the middle.

Each test goes on from the one before.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import yaml
from clones import PICTURES, small_line
from dark_and_light import write_pictures
from platforms import ENDED, Platform, running, until

pytestmark = pytest.mark.platform
DRIFT = 4  # exit code of flows.monitor
SIDES = {"split": {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2}}


def real_line(folder: Path) -> Platform:
    """`folder`/line, a small line that really trains. Of some 16 test samples no smaller margin could be told."""
    monitoring, promotion = {"permutations": 20_000, "least": 30}, {"margin": 0.5}
    root = small_line(folder, data=SIDES, monitoring=monitoring, promotion=promotion)
    more = {"GRAFTLINE_LEDGER_KEY": str(folder / "key.pem"), "PYTHONPATH": ""}
    return Platform(root, root / ".graftline", more)


class Team:
    """A line whose servers run, and what people do with it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.folder = platform.root.parent

    def due(self, minutes: int) -> None:
        """prefect.yaml starts the training once, so many minutes from now, and nothing else."""
        path = self.platform.root / "prefect.yaml"
        content = yaml.safe_load(path.read_text())
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        cron = f"{at.minute} {at.hour} {at.day} {at.month} *"
        for row in content["deployments"]:
            row.pop("schedules", None)
            if row["name"] == "training":
                row["schedules"] = [{"cron": cron, "timezone": "Etc/UTC"}]
        path.write_text(yaml.safe_dump(content))

    def run(self, *words: str, code: int = 0) -> str:
        done = self.platform.run(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def champion(self) -> str:
        """The version that MLflow gives that name; empty where there is none."""
        path = "/api/2.0/mlflow/registered-models/alias?name=cells&alias=champion"
        try:
            return str(self.platform.ask(path, server="mlflow")["model_version"]["version"])
        except httpx.HTTPStatusError:
            return ""

    def answers(self, name: str) -> set[str]:
        """Which version answered, by a scoring of its own."""
        self.run("flows.score", "--input", "../pictures", "--output", f"../{name}")
        rows = pq.read_table(self.folder / name).to_pylist()
        assert len(rows) >= PICTURES
        return {str(row["version"]) for row in rows}

    def drifted(
        self, name: str, levels: tuple[int, int], meanwhile: Callable[[], None] = lambda: None
    ) -> Mapping[str, Any]:
        """Look at pictures of other light, and wait for the run that their drift starts."""
        write_pictures(self.folder / name, 60, levels, seed=len(name))
        before = {run["id"] for run in self._by_drift()}
        self.run("flows.monitor", "--input", f"../{name}", code=DRIFT)
        self.run("flows.monitor", "--input", f"../{name}", code=DRIFT)
        meanwhile()
        new: list[Mapping[str, Any]] = []

        def ended() -> bool:
            new[:] = [run for run in self._by_drift() if run["id"] not in before]
            return bool(new) and all(run["state_type"] in ENDED for run in new)

        until(ended, 900, "the run that the drift starts ended")
        (run,) = new  # one, though the window was looked at twice
        return run

    def _by_drift(self) -> list[Mapping[str, Any]]:
        return [
            run for run in self.platform.runs() if run["parameters"].get("because", "").startswith("drift")
        ]


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with running(real_line) as platform:
        yield Team(platform)


def test_the_schedule_trains_the_first_champion(team: Team) -> None:
    team.due(minutes=2)
    team.run("flows.deploy")
    until(
        lambda: any(run["state_type"] in ENDED for run in team.platform.runs()), 600, "a scheduled run ended"
    )
    (run,) = team.platform.runs()
    assert (run["created_by"]["type"], run["state_name"]) == ("SCHEDULE", "Completed"), run["state"][
        "message"
    ]
    assert team.champion == "1"
    assert team.answers("scores-1") == {"1"}


def test_a_drift_without_labels_names_the_samples_and_trains_nothing(team: Team) -> None:
    run = team.drifted("dusk", (20, 90))
    assert run["state_name"] == "LabelsNeeded", run["state"]
    assert "label.csv" in run["state"]["message"]
    assert team.champion == "1"


def test_a_drift_with_labels_trains_a_new_champion_and_a_rollback_puts_the_old_one_back(team: Team) -> None:
    write_pictures(team.folder / "pictures", PICTURES, (40, 150), seed=1)
    run = team.drifted("winter", (40, 130))
    assert run["state_name"] == "Completed", run["state"]
    assert team.champion == "2"
    assert team.answers("scores-2") == {"2"}
    team.run("flows.promote", "rollback")
    assert team.champion == "1"
    assert team.answers("scores-3") == {"1"}
    team.run("flows.promote", "verify")


def test_the_same_with_servers_that_are_killed_under_the_training(team: Team) -> None:
    def kill_the_servers() -> None:
        until(lambda: any((team.platform.home / "scheduled").glob("*")), 300, "the training's worktree")
        team.platform.kill("postgres", "mlflow", "prefect")
        team.platform.servers("up")

    write_pictures(team.folder / "pictures", PICTURES, (70, 200), seed=2)
    run = team.drifted("summer", (70, 170), kill_the_servers)
    if run["state_type"] != "COMPLETED":  # registering waits for MLflow for a minute and a half, not longer
        team.run("flows.scheduled", "--because", run["parameters"]["because"])
    assert team.champion == "3"
    assert team.answers("scores-4") == {"3"}
    team.run("flows.promote", "rollback")
    assert team.champion == "1"
    team.run("flows.promote", "verify")


def test_no_secret_stands_in_logs_databases_or_artefacts(team: Team, tmp_path: Path) -> None:
    """After real trainings, scores and moves of the champion."""
    assert team.platform.leaks(tmp_path) == []
    assert any(tmp_path.rglob("*.onnx"))


def test_nothing_is_left_when_all_is_taken_down(team: Team) -> None:
    team.platform.servers("down")
    assert team.platform.pids() == {}
