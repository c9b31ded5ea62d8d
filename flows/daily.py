"""Batch scoring on a schedule: each run has an output folder of its own, named by when it was due."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from components.errors import GraftlineError
from components.storage.upload import upload
from flows.batch import score


@task(name="upload", cache_policy=NO_CACHE, persist_result=False)
def copy(folder: Path, uri: str) -> int:
    return upload(folder, uri)


@flow(name="graftline-daily", persist_result=False, validate_parameters=False)
def daily(job: Mapping[str, object], root: str = ".", publish: str | None = None) -> State[int]:
    """Score `job`; the signs of strftime in its output stand for the scheduled start, in UTC.

    Ends as `flows.batch.score` does. A run that is late, or repeated, fills the folder of its own day.

    Args:
        publish: s3://BUCKET/PREFIX, with the same signs: where the finished folder is copied to.
    """
    due = flow_run.scheduled_start_time or datetime.now(UTC)
    output = dated(str(job["output"]), due)
    ended: State[int] = score({**job, "output": output}, root, return_state=True)  # type: ignore[assignment]
    if not ended.is_completed():  # a state of its own: of another's, Prefect says `1/1 states failed`
        code = ended.result(raise_on_failure=False)
        return Failed(name=ended.name, message=ended.message, data=code if isinstance(code, int) else 1)
    if publish is None:
        return Completed(message=ended.message, data=0)
    target = dated(publish, due)
    try:
        count = copy(Path(root) / output, target)
    except GraftlineError as error:
        return Failed(name=type(error).__name__, message=str(error), data=error.exit_code)
    return Completed(message=f"{ended.message}; {count} objects at {target}", data=0)


def dated(text: str, due: datetime) -> str:
    return due.astimezone(UTC).strftime(text)
