"""The Prefect flow of batch scoring: the model, the plan, the rows. No machine learning here."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from components.errors import Interrupted
from components.params import load_operation
from components.params.operation import OperationParams
from components.params.scoring import Job, read_job
from components.registry.delivery import Deliverer
from components.registry.lineage import git_state
from components.registry.runs import RunHandle, begin_run, close_dead
from components.stages.score import Done, Scoring
from flows.command import failed_by


# As in flows.pipeline, neither Prefect's cache nor its results are used.
@task(name="open model", cache_policy=NO_CACHE, persist_result=False)
def open_model(scoring: Scoring) -> str:
    return str(scoring.release[1])


@task(name="plan", cache_policy=NO_CACHE, persist_result=False)
def plan(scoring: Scoring) -> int:
    return scoring.output.plan.inputs


@task(name="score", cache_policy=NO_CACHE, persist_result=False)
def write_rows(scoring: Scoring) -> Done:
    return scoring.score()


@flow(name="graftline-score", persist_result=False, validate_parameters=False)
def score(job: Mapping[str, object], root: str = ".") -> State[int]:
    """Score the inputs of `job` (the fields of components.params.scoring.Job) in the workspace `root`.

    Ends Completed, or Failed by the error's name. `code_of` gives the exit code.
    """
    folder = Path(root).resolve()
    try:
        asked = read_job(job)
        params = load_operation(folder / "params.yaml")
        with scoring_run(folder, params, asked) as run:
            scoring = Scoring(folder, params, asked, run)
            open_model(scoring)
            plan(scoring)
            return Completed(message=said(write_rows(scoring), asked), data=0)
    except Exception as error:
        return failed_by(error)


@contextmanager
def scoring_run(root: Path, params: OperationParams, job: Job) -> Iterator[RunHandle]:
    """A run of its own, delivered to MLflow meanwhile: FINISHED, FAILED, or KILLED by a signal.

    Unlike the line it does not hold the workspace: shards run side by side, and beside a training.
    """
    close_dead(root)
    name = f"score {job.shard[0]}/{job.shard[1]}"
    tags = {"graftline.engine": "score", "mlflow.runName": name, **git_state(root)}
    run = begin_run(root, uuid.uuid4().hex, {"tags": tags})
    deliverer = Deliverer(root, params.tracking)
    deliverer.start()
    status = "KILLED"
    try:
        yield run
        status = "FINISHED"
    except Interrupted:
        raise
    except Exception:
        status = "FAILED"
        raise
    finally:
        run.set_status(status)
        deliverer.close()


def said(done: Done, job: Job) -> str:
    """The result, and where to look if inputs could not be read."""
    rate = f" ({done.rows / max(done.seconds, 1e-9):.0f} a second)" if done.rows else ""
    rows = f"{done.rows} rows written{rate}"
    if done.unreadable is None:
        return f"{rows}; other shards are not done yet"
    scored = f"{rows}; {done.inputs - done.unreadable} of {done.inputs} inputs are scored: {job.output}"
    if not done.unreadable:
        return scored
    return f"{scored}\n{done.unreadable} could not be read: the column `reason` of their rows says why."
