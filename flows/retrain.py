"""The Prefect flow of a scheduled run, inside its worktree, by the worktree's own code: `python -m flows.retrain FILE`.

`flows.launch` makes the worktree and starts this. The stages and what follows them are those of `flows.pipeline`.
"""

import csv
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from components.data.lock import Lock, read_lock
from components.ending import Stopped
from components.errors import DataError, GateRefused, GraftlineError
from components.monitoring.need import labels_needed
from components.params import Params, load_params
from components.params.schedule import Event
from components.registry.runs import RunHandle, start_run
from components.stages.dvc_repo import open_repo
from components.stages.monitor import LABELS, folder_of
from components.stages.pull import restore
from components.stages.push import push_where_set
from components.storage.home import home
from components.storage.publish import read_json, write_bytes, write_json
from components.training.interrupts import crash_point
from flows.alarm import keep_trained, trained_for
from flows.branches import (
    LOCKS,
    OUTCOME,
    REFUSED,
    Past,
    commit_locks,
    fetch_runs,
    finish,
    past_runs,
    push_branch,
)
from flows.command import code_of, failed_by, guarded
from flows.engine import Execution, Step, execution, run_command
from flows.handover import Answer, Asked
from flows.pipeline import judge, retrying, run_stages
from flows.worktree import committed, git

PR_SET_PDEATHSIG = 1
LABELS_NEEDED = 7  # exit code


@dataclass
class _Done:
    """What came about so far."""

    line: Execution | None = None
    branch: str = ""


# As in flows.pipeline, neither Prefect's cache nor its results are used.
@task(cache_policy=NO_CACHE, persist_result=False)
def refresh(root: Path) -> Step:
    return run_command(root, "refresh")


@task(name="push", cache_policy=NO_CACHE, persist_result=False)
def push_data(root: Path) -> None:
    push_where_set(root)


@task(name="commit", cache_policy=NO_CACHE, persist_result=False)
def commit(root: Path, params: Params, asked: Asked) -> str:
    """The run's branch, at the git remote too where params ask for it."""
    why = " ".join(asked.because.split()) or "Scheduled."
    message = f"Scheduled run of {params.tracking.model} on {asked.revision}\n\n{why}"
    branch = commit_locks(root, message)
    if params.schedule.push:
        push_branch(root, params.schedule.push, branch)
    return branch


@flow(name="graftline-retrain", persist_result=False, validate_parameters=False)
def retrain(root: str, asked: Mapping[str, object]) -> State[int]:
    """Refresh, and where something is new: stages, push, commit, register, promote, in the worktree `root`.

    Ends Completed, also named NothingNew or LabelsNeeded; Failed as graftline-train. `code_of` gives the exit
    code; the answer goes to the file that `asked` names.
    """
    folder, wanted, done = Path(root).resolve(), Asked(**asked), _Done()  # type: ignore[arg-type]
    try:
        params = load_params(folder / "params.yaml")
        state = _run(folder, params, wanted, done)
    except Exception as error:
        state = failed_by(error)
    write_json(Path(wanted.result), asdict(_answer(state, done)))
    return state


def _run(root: Path, params: Params, asked: Asked, done: _Done) -> State[int]:
    if params.schedule.push:
        fetch_runs(root, params.schedule.push)
    runs = past_runs(root)
    trained = _trained(root, runs)
    finished = next((run for run in runs if run.outcome), None)
    _take_up(root, finished or next(iter(runs), None))
    step = retrying(refresh, "refresh")(root)
    if state := _nothing_to_do(root, params, asked, trained, finished):
        return state
    with execution(root, params, lambda root, params: _begin(root, params, asked)) as line:
        done.line = line
        line.steps.append(step)
        restore(root)
        run_stages(line)
        crash_point("scheduled:stages")
        push_data(root)
        done.branch = commit(root, params, asked)
        _keep_report(line, done.branch)
        crash_point("scheduled:branch")
        return _judged(line, asked, done)


def _judged(line: Execution, asked: Asked, done: _Done) -> State[int]:
    head = git(line.root, "rev-parse", "HEAD")
    line.run.say("tags", {"graftline.run_branch": done.branch, "graftline.run_commit": head})
    line.prove()
    try:
        state = judge(line, True, True)
    except GateRefused as error:
        state = failed_by(error)
    crash_point("scheduled:judged")
    if asked.window:
        ended = {"branch": done.branch, "state": state.name}
        keep_trained(line.root, line.params.tracking.model, asked.window, ended)
    trailer = OUTCOME if state.is_completed() else REFUSED
    finish(line.root, done.branch, state.name or "", state.message or "", trailer)
    if line.params.schedule.push:
        with suppress(GraftlineError):  # the locks are there; this is for other machines' memory
            push_branch(line.root, line.params.schedule.push, done.branch)
    return state


def _begin(root: Path, params: Params, asked: Asked) -> RunHandle:
    run = start_run(root, params, "scheduled")
    run.say("tags", {"graftline.revision": asked.revision, "graftline.because": asked.because or "scheduled"})
    return run


def _take_up(root: Path, run: Past | None) -> None:
    """Go on from the locks of an earlier run: DVC then knows what it has, and `refresh` what it saw."""
    for name in LOCKS:
        data = committed(root, run.commit, name) if run else None
        if data is not None:
            write_bytes(root / name, data)


def _trained(root: Path, runs: Sequence[Past]) -> Lock | None:
    """What the last training learned from: of a run's branch, or, before there is one, of the revision.

    A run that was killed before it was judged taught nobody anything: who repeats it must find its labels new.
    """
    commit = next((run.commit for run in runs if run.outcome or run.refused), "HEAD")
    data = committed(root, commit, LOCKS[0])
    if data is None:
        return None
    path = root / ".graftline" / "trained.lock"  # ignored by git, and gone with the worktree
    write_bytes(path, data)
    with suppress(DataError):
        return read_lock(path)
    return None


def _nothing_to_do(
    root: Path, params: Params, asked: Asked, trained: Lock | None, finished: Past | None
) -> State[int] | None:
    model = params.tracking.model
    if asked.window and (run := trained_for(root, model, asked.window)):
        message = f"For window {asked.window[:12]}, {run.get('branch')} was trained: {run.get('state')}."
        return Completed(name="NothingNew", message=message, data=0)
    if asked.drift and (why := labels_needed(params, trained, read_lock(root / LOCKS[0]))):
        return Completed(
            name="LabelsNeeded",
            message=f"Nothing was trained: {why}. Started because of {asked.because}. "
            f"{_worth_a_label(root, params, asked)}, or configure such a method (docs/methods.md).",
            data=LABELS_NEEDED,
        )
    if finished and unchanged(root, finished):
        branch = finished.branch.partition("refs/heads/")[2] or finished.branch
        return Completed(
            name="NothingNew", message=f"Data, parameters and code are those of {branch}.", data=0
        )
    return None


def _worth_a_label(root: Path, params: Params, asked: Asked) -> str:
    path = folder_of(root, params, asked.window) / LABELS if asked.window else None
    if path is None or not path.exists():
        return "Label new samples"
    with path.open(newline="") as file:
        count = sum(1 for _ in csv.DictReader(file))
    return f"Label these {count} samples, the most useful first: {path}"


def unchanged(root: Path, run: Past) -> bool:
    """Whether the workspace, in which nothing was made yet, would make what `run` made.

    Its dvc.lock lies here: DVC compares commands, parameters and code with it, and leaves out what is not there.
    """
    for name in (LOCKS[0], "params.yaml"):
        if (root / name).read_bytes() != committed(root, run.commit, name):
            return False
    return open_repo(root).is_as_locked()


def _keep_report(line: Execution, branch: str) -> None:
    """The report outlives the worktree, and so does the model card."""
    line.page, line.card = (
        _kept(path, home(line.root) / "reports" / f"{branch}{path.suffix}") for path in (line.page, line.card)
    )


def _kept(path: Path, place: Path) -> Path:
    """A copy at `place`, or `path` where there is nothing to copy."""
    if not path.exists():
        return path
    write_bytes(place, path.read_bytes())
    return place


def _answer(state: State[int], done: _Done) -> Answer:
    line, verdict = done.line, ""
    if line and done.branch:  # before that, what lies there may be an earlier run's
        verdict = (
            line.promotion.outcome
            if line.promotion
            else str(read_json(line.root / "verdict.json").get("verdict"))
        )
    return Answer(
        name=state.name or "",
        green=state.is_completed(),
        message=state.message or "",
        code=code_of(state),
        event=_event(state, verdict),
        verdict=verdict,
        report=str(line.page) if line and done.branch and line.page.exists() else "",
        branch=done.branch,
    )


def _event(state: State[int], verdict: str) -> Event:
    if not state.is_completed():
        return "failed"
    if state.name == "LabelsNeeded":
        return "labels"
    return "champion" if verdict in ("promote", "waits") else "done"


def _die_with(parent: int) -> None:
    """A launcher that is killed must not leave somebody who still works in the worktree."""
    if not parent:
        return
    if Path("/proc").exists():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise Stopped


def main(arguments: Sequence[str] | None = None) -> int:
    (path,) = arguments or sys.argv[1:]
    return guarded(lambda: _main(Path(path)))


def _main(path: Path) -> int:
    asked = read_json(path)
    _die_with(int(str(asked.get("parent", 0))))
    return code_of(retrain(str(Path.cwd()), asked, return_state=True))


if __name__ == "__main__":
    sys.exit(main())
