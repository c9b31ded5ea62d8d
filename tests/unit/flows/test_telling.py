"""A run that was killed tells nobody: the server does, by its automation."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from components.errors import GraftlineError
from components.params.schedule import NotifyParams
from tests.unit.flows.webhook import Hook, listening

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

WHY = 'Killed: "no heartbeat".\nAgain.'


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as made:
        yield made


@pytest.fixture
def client(server: None) -> "Iterator[SyncPrefectClient]":
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as made:
        yield made


def told(line: str, notify: NotifyParams, *deployments: str) -> str:
    from flows.automations import tell_of_crashes

    return "\n".join(tell_of_crashes(line, deployments, notify))


def deployed(client: "SyncPrefectClient", name: str) -> Callable[[], UUID]:
    """Makes runs of a deployment."""
    flow = client.create_flow_from_name("stand-in")
    deployment = client.create_deployment(flow, name)
    return lambda: client.create_flow_run_from_deployment(deployment).id


def within(seconds: float, met: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_server_tells_a_webhook_of_a_run_that_crashed_and_of_no_other(
    client: "SyncPrefectClient", hook: Hook
) -> None:
    from prefect.blocks.webhook import Webhook
    from prefect.states import Completed, Crashed, Failed

    Webhook(url=hook.address).save("people")
    ours, others = deployed(client, "training"), deployed(client, "of-another-line")
    notify = NotifyParams(block="webhook/people")
    for _ in range(2):  # a second deploy makes no second automation
        said = told("cells", notify, "training", "scoring")
    assert said == "automation: webhook/people is told of a run that ends as Crashed"
    client.set_flow_run_state(others(), Crashed(message=WHY), force=True)
    client.set_flow_run_state(ours(), Failed(name="Crashed", message="said already"), force=True)
    client.set_flow_run_state(ours(), Completed(), force=True)
    run = ours()
    client.set_flow_run_state(run, Crashed(message=WHY), force=True)
    within(60, lambda: hook.got)
    time.sleep(1)  # for one that came twice
    (got,) = hook.got
    name = client.read_flow_run(run).name
    assert (got["line"], got["event"], got["state"]) == ("cells", "failed", "Crashed")
    assert got["message"] == f"training, run {name}: {WHY}"
    assert got["text"] == f"Graftline cells: Crashed\n{got['message']}"


def test_a_notification_block_is_told_in_words(client: "SyncPrefectClient", hook: Hook) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.states import Crashed

    said = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name="x", url=hook.address, json_data=said).save("words")
    run = deployed(client, "weekly")()
    told("spam", NotifyParams(block="custom-webhook/words"), "weekly")
    client.set_flow_run_state(run, Crashed(message=WHY), force=True)
    within(60, lambda: hook.got)
    (got,) = hook.got
    assert got["subject"] == "Graftline spam: Crashed"
    assert got["body"].endswith(f"run {client.read_flow_run(run).name}: {WHY}")


def test_what_the_server_cannot_reach_is_told_by_nobody_and_said(client: "SyncPrefectClient") -> None:
    from prefect.blocks.webhook import Webhook

    Webhook(url="http://127.0.0.1:9").save("away")
    names = [f"graftline: crashed runs of {line}" for line in ("a", "b")]
    for line in ("a", "b"):
        told(line, NotifyParams(block="webhook/away"), "training")
    for other in (
        NotifyParams(),
        NotifyParams(block="secret/ours"),
        NotifyParams(block="webhook/away", about=("champion",)),
    ):
        assert told("a", other, "training").startswith("no automation tells people")
    assert [len(client.read_automations_by_name(name)) for name in names] == [0, 1]
    with pytest.raises(GraftlineError, match=r"no block webhook/nowhere.*correct notify\.block"):
        told("a", NotifyParams(block="webhook/nowhere"), "training")
