"""What runs by itself, as prefect.yaml says, and what is refused before Prefect is asked."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from written import PARAMS

from components.errors import GraftlineError, ParamsError

ROOT = Path(__file__).resolve().parents[3]
ROW = {"name": "training", "entrypoint": "flows.x.x", "work_pool": {"name": "graftline"}}


def test_training_is_weekly_scoring_daily_monitoring_hourly_and_one_of_each_at_a_time() -> None:
    rows = {row["name"]: row for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    waits = rows.pop("retraining")  # by drift: no schedule, and it waits for its turn
    assert "schedules" not in waits
    assert waits["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    crons = {name: [plan["cron"] for plan in row["schedules"]] for name, row in rows.items()}
    assert crons == {"training": ["0 3 * * 1"], "scoring": ["0 5 * * *"], "monitoring": ["15 * * * *"]}
    for row in rows.values():
        assert row["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
        assert all(plan["timezone"] for plan in row["schedules"])


def test_every_deployment_names_code_that_is_here() -> None:
    rows = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    for module, _, name in (row["entrypoint"].rpartition(".") for row in rows):
        assert f"def {name}(" in (ROOT / f"{module.replace('.', '/')}.py").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deployments: 3", "no list of deployments"),
        ("name: x", "no list of deployments"),
        (yaml.safe_dump({"deployments": [{**ROW, "work_pool": None}]}), "no list of deployments"),
        (yaml.safe_dump({"deployments": [ROW]}), "flows/x.py, which is not here"),
        (yaml.safe_dump({"deployments": [{**ROW, "entrypoint": "x.py:x"}]}), "x.py, which is not here"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    from flows.deploy import read

    (tmp_path / "prefect.yaml").write_text(text)
    with pytest.raises(ParamsError, match=said):
        read(tmp_path, tmp_path / "prefect.yaml")


def test_without_a_server_there_is_nothing_to_deploy_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.deploy import deploy

    monkeypatch.setenv("GRAFTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    (tmp_path / "prefect.yaml").write_text("deployments: []")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    with pytest.raises(GraftlineError, match="make up"):
        list(deploy(tmp_path, tmp_path / "prefect.yaml"))


def test_a_server_that_is_away_is_named_and_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import server

    monkeypatch.setattr(server, "OUTAGE", 0.0)
    with pytest.raises(GraftlineError, match=r"http://127\.0\.0\.1:9/api did not answer"):
        server._await_named("http://127.0.0.1:9/api")


def test_a_scheduled_scoring_has_the_folder_of_the_day_it_was_due() -> None:
    from flows.dates import dated

    due = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    assert dated("scores/%Y-%m-%d", due) == "scores/2026-11-21"
    assert dated("scores/%Y-%m-%d", due.astimezone(timezone(timedelta(hours=-9)))) == "scores/2026-11-21"
