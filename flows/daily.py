"""Batch scoring on a schedule: each run has an output folder of its own, named by when it was due."""

from collections.abc import Mapping
from datetime import UTC, datetime

from prefect import State, flow
from prefect.runtime import flow_run

from flows.batch import score


@flow(name="graftline-daily", persist_result=False, validate_parameters=False)
def daily(job: Mapping[str, object], root: str = ".") -> State[State[int]]:
    """Score `job`, in whose output the signs of strftime stand for the scheduled start, in UTC.

    Ends as `flows.batch.score` does. A run that is late, or repeated, fills the folder of its own day.
    """
    due = flow_run.scheduled_start_time or datetime.now(UTC)
    return score(dated(job, due), root, return_state=True)


def dated(job: Mapping[str, object], due: datetime) -> Mapping[str, object]:
    return {**job, "output": due.astimezone(UTC).strftime(str(job["output"]))}
