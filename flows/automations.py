"""What a Prefect server does by itself: drift starts the training, runs that nobody runs any more end, and people hear
of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from components.errors import GraftlineError
from components.params.schedule import NotifyParams
from flows.handover import DRIFT, WINDOW, because
from flows.notify import News

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import BlockDocument
    from prefect.events.schemas.automations import AutomationCore

QUIET = timedelta(days=30)  # however often one window's drift is seen, it starts one training in this time
SILENCE = timedelta(seconds=90)  # three heartbeats


def make_pools(names: Sequence[str]) -> Iterator[str]:
    """Process pools, where they are missing; one that is there may be of any type."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        for name in names:
            try:
                found = client.read_work_pool(name)
            except ObjectNotFound:
                found = client.create_work_pool(WorkPoolCreate(name=name, type="process"))
            yield f"work pool {name}: {found.type}"


def automate(training: str | None) -> Iterator[str]:
    """Make the automations, or make them again where they are. Raises GraftlineError where there are several."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        _put(client, ending())
        yield f"automation: a run without a heartbeat for {SILENCE.seconds} s ends as Crashed"
        if training is not None:
            _put(client, retraining(_deployment(client, training)))
            yield f"automation: {DRIFT} starts {training}, once for a window"


def tell_of_crashes(line: str, deployments: Sequence[str], notify: NotifyParams) -> Iterator[str]:
    """Make the automation that tells people of runs of `deployments` that end as Crashed, and cannot do so themselves.

    The server posts to blocks, and knows no environment of ours. Raises GraftlineError where it has not that block.
    """
    from prefect.client.orchestration import get_client

    kind, _, name = (notify.block or "").partition("/")
    with get_client(sync_client=True) as client:
        if kind in ("", "secret") or "failed" not in notify.about:
            for found in client.read_automations_by_name(_telling_name(line)):
                client.delete_automation(found.id)
            yield "no automation tells people of a run that ends as Crashed (docs/operate.md, Telling people)"
            return
        _put(client, telling(line, deployments, _block(client, kind, name)))
        yield f"automation: {notify.block} is told of a run that ends as Crashed"


def telling(line: str, deployments: Sequence[str], block: "BlockDocument") -> "AutomationCore":
    """A run that its own process reports as Crashed is Failed by its type, and was told already."""
    trigger = {
        "type": "event",
        "posture": "Reactive",
        "expect": ["prefect.flow-run.Crashed"],
        "match": {"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": "CRASHED"},
        "match_related": {"prefect.resource.role": "deployment", "prefect.resource.name": list(deployments)},
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
    }
    why = "event.resource['prefect.state-message']"
    if block.block_type and block.block_type.slug == "webhook":
        news = _crashed(line, f"({why} | tojson)[1:-1]")  # within the quotes that are there
        payload = json.dumps({"text": news.text, **asdict(news)})
        action = {"type": "call-webhook", "block_document_id": block.id, "payload": payload}
    else:
        news = _crashed(line, why)
        action = {"type": "send-notification", "block_document_id": block.id}
        action |= {"subject": news.subject, "body": news.text}
    return _automation(_telling_name(line), trigger, action)


def _telling_name(line: str) -> str:
    return f"graftline: crashed runs of {line}"


def _crashed(line: str, why: str) -> News:
    """With Prefect's templates for what only the event knows."""
    run = "{{ deployment.name }}, run {{ flow_run.name }}"
    return News(line, "failed", "Crashed", f"{run}: {{{{ {why} }}}}")


def _block(client: "SyncPrefectClient", kind: str, name: str) -> "BlockDocument":
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise GraftlineError(
            f"The Prefect server has no block {kind}/{name}, which notify.block of params.yaml names.",
            "Make it in Prefect's pages, or correct notify.block, and deploy again.",
        ) from None


def ending() -> "AutomationCore":
    """A flow run that sent a heartbeat, and then neither another nor a change of its state, is Crashed.

    A state's event has its name, and ours have names of their own: LabelsNeeded, GateFailed, …
    """
    trigger = {
        "type": "event",
        "posture": "Proactive",
        "after": ["prefect.flow-run.heartbeat"],
        "expect": ["prefect.flow-run.*"],
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": SILENCE,
    }
    message = "Its process sent no heartbeat: killed, or its machine is gone. The next run resumes."
    action = {"type": "change-flow-run-state", "state": "CRASHED", "message": message}
    return _automation("graftline: runs that nobody runs", trigger, action)


def retraining(deployment: "UUID") -> "AutomationCore":
    """After it fired for a line and window, Prefect looks at no further event of the two until QUIET is over.

    An event without a window starts nothing: all such events would count as one window.
    """
    trigger = {
        "type": "event",
        "posture": "Reactive",
        "expect": [DRIFT],
        "match": {"prefect.resource.id": "graftline.line.*", WINDOW: "*"},
        "for_each": ["prefect.resource.id", WINDOW],
        "threshold": 1,
        "within": QUIET,
    }
    why = because("{{ event.resource['" + WINDOW + "'] }}")
    action = {
        "type": "run-deployment",
        "source": "selected",
        "deployment_id": deployment,
        "parameters": {"because": {"__prefect_kind": "jinja", "template": why}},
    }
    return _automation("graftline: drift", trigger, action)


def _automation(name: str, trigger: Mapping[str, object], action: Mapping[str, object]) -> "AutomationCore":
    from prefect.events.schemas.automations import AutomationCore

    return AutomationCore.model_validate({"name": name, "trigger": trigger, "actions": [action]})


def _put(client: "SyncPrefectClient", wanted: "AutomationCore") -> None:
    found = client.read_automations_by_name(wanted.name)
    if len(found) > 1:
        raise GraftlineError(
            f"{len(found)} automations are named {wanted.name!r}.", "Delete all but one, and deploy again."
        )
    if found:
        client.update_automation(found[0].id, wanted)
    else:
        client.create_automation(wanted)


def _deployment(client: "SyncPrefectClient", name: str) -> "UUID":
    """Raises GraftlineError where the server has none, or several, of this name."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    found = client.read_deployments(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name]))
    )
    if len(found) != 1:
        raise GraftlineError(
            f"The server has {len(found)} deployments named {name}, not one.",
            "Delete the others: prefect deployment ls.",
        )
    return found[0].id
