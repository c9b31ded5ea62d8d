"""What a Prefect server does by itself: drift starts the training, and runs that nobody runs any more end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from components.errors import GraftlineError
from flows.handover import DRIFT, WINDOW, because

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
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
    """Make the automations, or make them anew where they are. Raises GraftlineError where there are several."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        _put(client, ending())
        yield f"automation: a run without a heartbeat for {SILENCE.seconds} s ends as Crashed"
        if training is not None:
            _put(client, retraining(_deployment(client, training)))
            yield f"automation: {DRIFT} starts {training}, once for a window"


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
