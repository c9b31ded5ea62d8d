"""When the automations fire, by Prefect's own trigger: which events are one, and which ones count."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from flows.automations import DRIFT, WINDOW, ending, retraining


@pytest.fixture(scope="module")
def trigger() -> "object":
    from prefect.server.events.schemas.automations import EventTrigger

    made = retraining(uuid4())
    return EventTrigger.model_validate(made.trigger.model_dump())


def event(name: str = DRIFT, **labels: str) -> "object":
    from prefect.server.events.schemas.events import ReceivedEvent

    resource = {"prefect.resource.id": "graftline.line.m", **labels}
    now = datetime.now(UTC)
    return ReceivedEvent(occurred=now, received=now, event=name, resource=resource, id=uuid4())


def test_the_drifts_of_one_line_and_window_are_one(trigger: object) -> None:
    first, again, later = (event(**{WINDOW: name}) for name in ("w1", "w1", "w2"))
    keys = [trigger.bucketing_key(one) for one in (first, again, later)]
    assert keys[0] == keys[1] != keys[2]
    assert trigger.covers(first)


def test_an_event_without_a_window_and_foreign_ones_start_nothing(trigger: object) -> None:
    for other in (
        event(),
        event("other", **{WINDOW: "w"}),
        event(**{WINDOW: "w", "prefect.resource.id": "x"}),
    ):
        assert not trigger.covers(other)


def test_what_ends_a_run_ends_the_waiting_for_its_heartbeat() -> None:
    from prefect.server.events.schemas.automations import EventTrigger

    trigger = EventTrigger.model_validate(ending().trigger.model_dump())
    assert trigger.starts_after("prefect.flow-run.heartbeat")
    for name in ("heartbeat", "Completed", "Cancelled", "LabelsNeeded", "GateFailed"):
        assert trigger.expects(f"prefect.flow-run.{name}")
    for name in ("Completed", "LabelsNeeded"):
        assert not trigger.starts_after(f"prefect.flow-run.{name}")
