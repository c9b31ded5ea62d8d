"""Schedules where clocks change: nothing is due twice, and each day has folders of its own."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.server.schemas.schedules import CronSchedule

from flows.dates import dated

BERLIN = ZoneInfo("Europe/Berlin")
DEPLOYMENTS = yaml.safe_load((Path(__file__).parents[3] / "prefect.yaml").read_text())["deployments"]
CRON = {one["name"]: one["schedules"][0]["cron"] for one in DEPLOYMENTS if "schedules" in one}
# Local days of 23 and of 25 hours.
SHORT, LONG = datetime(2027, 3, 28, tzinfo=BERLIN), datetime(2027, 10, 31, tzinfo=BERLIN)


def due(name: str, start: datetime, days: int, zone: str = "Europe/Berlin") -> list[datetime]:
    """When a deployment of prefect.yaml would begin, were this its time zone; as the server's scheduler asks."""
    end = start + timedelta(days=days) - timedelta(seconds=1)  # wall-clock days
    schedule = CronSchedule(cron=CRON[name], timezone=zone)
    return asyncio.run(schedule.get_dates(n=1000, start=start, end=end))


@pytest.mark.parametrize("day", [SHORT, LONG], ids=["short", "long"])
def test_monitoring_looks_once_an_hour(day: datetime) -> None:
    """In the time zone of prefect.yaml. In Berlin, Prefect leaves out the hour that comes twice."""
    zone = next(one["schedules"][0]["timezone"] for one in DEPLOYMENTS if one["name"] == "monitoring")
    found = [when.timestamp() for when in due("monitoring", day, 2, zone)]
    assert {b - a for a, b in pairwise(found)} == {3600.0}
    local = [when.timestamp() for when in due("monitoring", day, 2)]
    assert {b - a for a, b in pairwise(local)} <= {3600.0, 7200.0}


@pytest.mark.parametrize("day", [SHORT, LONG], ids=["short", "long"])
def test_scoring_comes_once_a_day_and_each_has_its_own_folder(day: datetime) -> None:
    found = due("scoring", day - timedelta(days=2), days=5)
    assert [when.astimezone(BERLIN).hour for when in found] == [5] * 5
    folders = [dated("scores/%Y-%m-%d", when) for when in found]
    assert folders == [f"scores/{day + timedelta(days=shift):%Y-%m-%d}" for shift in range(-2, 3)]


@pytest.mark.parametrize("day", [SHORT, LONG], ids=["short", "long"])
def test_training_comes_once_a_week(day: datetime) -> None:
    assert len(due("training", day - timedelta(days=14), days=28)) == 4
