"""Batch scoring on a schedule: each run has an output folder of its own, named by when it was due."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from components.errors import GraftlineError
from components.params import load_params
from components.storage.upload import upload
from flows.batch import score
from flows.command import code_of, failed
from flows.dates import dated, due
from flows.notify import News, tell


@task(name="upload", cache_policy=NO_CACHE, persist_result=False)
def copy(folder: Path, uri: str) -> int:
    return upload(folder, uri)


@flow(name="graftline-daily", persist_result=False, validate_parameters=False)
def daily(job: Mapping[str, object], root: str = ".", publish: str | None = None) -> State[int]:
    """Score `job`; the signs of strftime in its input and output stand for the scheduled start, in UTC.

    Ends as `flows.batch.score` does; people are told where it failed. A run that is late, or repeated, fills the
    folder of its own day.

    Args:
        publish: s3://BUCKET/PREFIX, with the same signs: where the finished folder is copied to.
    """
    when = due()
    named = {key: dated(str(job[key]), when) for key in ("input", "output") if key in job}
    ended: State[int] = score({**job, **named}, root, return_state=True)  # type: ignore[assignment]
    if not ended.is_completed():  # a state of its own: of another's, Prefect says `1/1 states failed`
        return _failed(root, ended.name or "", ended.message or "", code_of(ended))
    if publish is None:
        return Completed(message=ended.message, data=0)
    target = dated(publish, when)
    try:
        count = copy(Path(root) / named["output"], target)
    except GraftlineError as error:
        return _failed(root, type(error).__name__, str(error), error.exit_code)
    return Completed(message=f"{ended.message}; {count} objects at {target}", data=0)


def _failed(root: str, name: str, message: str, code: int) -> State[int]:
    with suppress(GraftlineError):  # wrong params are what failed, perhaps
        params = load_params(Path(root) / "params.yaml")
        tell(params.notify, News(params.tracking.model, "failed", name, message, because="batch scoring"))
    return failed(name, message, code)
