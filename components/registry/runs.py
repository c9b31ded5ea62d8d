"""One MLflow run for one pipeline execution, whoever runs it.

A run has a name of our own (32 hex digits), under which everything about it lies in `.graftline/runs/`; the
store's own id follows when the run is delivered. The flow hands the name to its stages by GRAFTLINE_RUN_ID;
stages of a bare `dvc repro` meet at their common ancestor. Nothing of this reaches a locked output.
"""

import math
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.errors import Busy, GraftlineError, Interrupted, ParamsError, redact
from components.params import Params
from components.progress import log
from components.registry.delivery import AFTER_SIGNAL, DELIVERY
from components.registry.journal import Journal
from components.registry.lineage import git_state
from components.registry.owners import Owner, alive, elsewhere, identity, pipeline_owner
from components.registry.tracker import MlflowTracker
from components.storage.home import home
from components.storage.publish import kernel_lock, read_json, sha256_bytes, write_json
from components.tracker import NullTracker, Tracker, Value

RUN_ID = "GRAFTLINE_RUN_ID"
ENDED = ("FINISHED", "FAILED", "KILLED")
HOUR, DAY = 3600.0, 86_400.0
Said = Mapping[str, Mapping[str, Value]]  # kind of record → values


@dataclass(frozen=True)
class RunHandle:
    """Run `id` of the workspace `root`."""

    root: Path
    id: str

    @property
    def folder(self) -> Path:
        return home(self.root) / "runs"

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self.id)

    @property
    def digests(self) -> Path:
        """What its stages remember of files (`stages.digests`), until it ends."""
        return self.folder / f"{self.id}.digests.jsonl"

    @property
    def quiet(self) -> float:
        """Seconds since it said anything. A stage does every five, a scoring not before its end."""
        path = self.journal.path
        return time.time() - path.stat().st_mtime if path.exists() else math.inf

    def say(self, kind: str, values: Mapping[str, Value], step: int | None = None) -> None:
        self.journal.append(kind, values, step)

    def set_status(self, status: str) -> None:
        """RUNNING, FINISHED, FAILED or KILLED."""
        with _lock(self.root):
            path = self.folder / f"{self.id}.json"
            state = read_json(path) if path.exists() else {"owner": ""}
            write_json(path, {**state, "status": status})
        self.say("status", {"status": status})


def start_run(root: Path, params: Params, engine: str, pid: int | None = None) -> RunHandle:
    """A new run that belongs to process `pid` (default: this one); runs of dead owners are closed first."""
    close_dead(root)
    run = RunHandle(root, uuid.uuid4().hex)
    _write_down(run, params, engine, identity(pid or os.getpid()) or "")
    return run


def begin_run(root: Path, name: str, said: Said, parent: str = "") -> RunHandle:
    """Run `name` of this process: a new one, or one that a process which died has left unfinished.

    Args:
        said: what it says first: tags and params.
        parent: our name of the run below which it is shown.
    """
    run = RunHandle(root, name)
    path = run.folder / f"{name}.json"
    with _lock(root):
        started = read_json(path).get("started") if path.exists() else None
        owner = identity(os.getpid()) or ""
        write_json(path, {"owner": owner, "status": "RUNNING", "started": started or _now()})
    run.say("status", {"status": "RUNNING"})
    if parent:
        run.say("parent", {"run": parent})
    for kind, values in said.items():
        run.say(kind, values)
    return run


def current_run(root: Path, params: Params) -> RunHandle:
    """The run of the pipeline execution that this process is part of; a new one where it has none yet."""
    if handed := handed_run(root):
        return handed
    owner = identity(pipeline_owner()) or ""
    path = home(root) / "runs" / "owners" / f"{owner}.json"
    with _lock(root, "owner"):
        if path.exists():
            return RunHandle(root, str(read_json(path)["run"]))
        close_dead(root)
        run = RunHandle(root, uuid.uuid4().hex)
        _write_down(run, params, "dvc", owner)
        write_json(path, {"run": run.id})
    return run


def handed_run(root: Path) -> RunHandle | None:
    """The run that the flow handed over by the environment."""
    name = os.environ.get(RUN_ID, "")
    return RunHandle(root, name) if re.fullmatch(r"[0-9a-f]{32}", name) else None


def close_dead(root: Path) -> list[str]:
    """Mark runs KILLED whose owner died while they were running; returns their names.

    A run of another host or pod may live: where it is quiet, the log says how to close it.
    """
    closed = []
    known = list(_known(root))
    for run, state in known:
        if not _is_over(run, state):
            continue
        run.digests.unlink(missing_ok=True)
        if state.get("status") not in ENDED:
            run.set_status("KILLED")
            closed.append(run.id)
        elif not run.journal.has_pending():
            run.journal.discard()
    for path in (home(root) / "runs" / "owners").glob("*.json"):
        if not alive(path.stem):
            path.unlink(missing_ok=True)
    _mention_quiet(known)
    return closed


def close(root: Path, names: Sequence[str]) -> None:
    """Mark runs KILLED whose host or pod is gone, as somebody says who knows; `names` may be cut to 8 digits.

    Raises ParamsError where there is no such run, Busy where its process is here and lives.
    """
    for name in names:
        found = [(run, state) for run, state in _known(root) if run.id.startswith(name)]
        if len(found) != 1:
            raise ParamsError(f"{len(found)} runs in {home(root) / 'runs'} are named {name!r}, not one.")
        ((run, state),) = found
        owner = str(state.get("owner", ""))
        if alive(owner) and not elsewhere(owner):
            pid = Owner.read(owner).pid
            raise Busy(f"Run {run.id[:8]} belongs to process {pid} of this host, which lives.", "Stop that.")
        if state.get("status") not in ENDED:
            run.set_status("KILLED")


def _known(root: Path) -> Iterator[tuple[RunHandle, Mapping[str, object]]]:
    """Runs and what is written down of them."""
    for path in (home(root) / "runs").glob("*.json"):
        if re.fullmatch(r"[0-9a-f]{32}", path.stem):
            yield RunHandle(root, path.stem), read_json(path)


def _is_over(run: RunHandle, state: Mapping[str, object]) -> bool:
    """Whether its process says nothing more; of one that cannot be seen, only where it ended, a day ago."""
    owner = str(state.get("owner", ""))
    if elsewhere(owner):
        return state.get("status") in ENDED and run.quiet > DAY
    return not alive(owner)


def _mention_quiet(known: Sequence[tuple[RunHandle, Mapping[str, object]]]) -> None:
    """Runs of hosts that may be gone."""
    hosts: dict[str, list[str]] = {}
    for run, state in known:
        name = str(state.get("owner", ""))
        if state.get("status") not in ENDED and run.quiet > HOUR and elsewhere(name):
            owner = Owner.read(name)
            said = f"{run.id[:8]} (process {owner.pid}, since {state.get('started')})"
            hosts.setdefault(owner.host, []).append(said)
    for host, runs in hosts.items():
        names = " ".join(run[:8] for run in runs)
        log(
            f"Whether runs of {host} still live cannot be seen from here, and they are quiet: {', '.join(runs)}. "
            f"If it is gone: python -m components close {names}"
        )


@contextmanager
def tracked_stage(root: Path, params: Params, name: str) -> Iterator[Tracker]:
    """A tracker for stage `name`; the run ends as the stage does, unless a flow owns it.

    A store that is away, or a full disk, never stops a stage.
    """
    try:
        run = current_run(root, params)
        tracker = MlflowTracker(root, params.tracking, run.journal, name)
    except (OSError, GraftlineError) as error:
        log(f"This run is not tracked: {redact(str(error))}")
        yield NullTracker()
        return
    owned = handed_run(root) is None
    status = "FAILED"
    _status(run, "RUNNING", owned)
    tracker.start()
    try:
        yield tracker
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        _status(run, status, owned)
        tracker.close(AFTER_SIGNAL if status == "KILLED" else DELIVERY)


def record_producer(root: Path, stage: str, digests: Mapping[str, str]) -> None:
    """Remember that the current run made these outputs (path → SHA-256) of `stage`."""
    run = handed_run(root) or _of_owner(root)
    if run is None:
        return
    try:
        write_json(_producer_path(root, stage, digests), {"run": run.id, "stage": stage})
        run.say("links", {stage: run.id})
    except (OSError, GraftlineError) as error:
        log(f"The producer of {stage} is not recorded: {redact(str(error))}")


def producer(root: Path, stage: str, digests: Mapping[str, str]) -> str | None:
    """Our name of the run that made these outputs; None where it was another workspace."""
    path = _producer_path(root, stage, digests)
    return str(read_json(path)["run"]) if path.exists() else None


def link_cached(run: RunHandle, stage: str, digests: Mapping[str, str]) -> str | None:
    """Tag `run` with the run that produced a cached stage's outputs, and return that run's name."""
    found = producer(run.root, stage, digests)
    if found is not None:
        run.say("links", {stage: found})
    return found


def _producer_path(root: Path, stage: str, digests: Mapping[str, str]) -> Path:
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(digests.items()))
    return home(root) / "runs" / "producers" / f"{stage}-{sha256_bytes(lines.encode())[:32]}.json"


def _of_owner(root: Path) -> RunHandle | None:
    path = home(root) / "runs" / "owners" / f"{identity(pipeline_owner())}.json"
    return RunHandle(root, str(read_json(path)["run"])) if path.exists() else None


def _status(run: RunHandle, status: str, owned: bool) -> None:
    if not owned:
        return
    try:
        run.set_status(status)
    except (OSError, GraftlineError) as error:
        log(f"The run's status is not recorded: {redact(str(error))}")


def _write_down(run: RunHandle, params: Params, engine: str, owner: str) -> None:
    started = _now()
    write_json(run.folder / f"{run.id}.json", {"owner": owner, "status": "RUNNING", "started": started})
    run.say("status", {"status": "RUNNING"})
    tags = {"graftline.engine": engine, "graftline.owner": owner, **git_state(run.root)}
    run.say("tags", {**tags, "mlflow.runName": f"{engine} {started}"})
    run.say("params", flat(params.model_dump(mode="json")))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def flat(tree: Mapping[str, object], prefix: str = "") -> dict[str, Value]:
    """Nested sections as dotted keys; addresses without credentials."""
    found: dict[str, Value] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = redact(str(value))
    return found


@contextmanager
def _lock(root: Path, name: str = "runs") -> Iterator[None]:
    with kernel_lock(home(root) / "locks" / name, wait_seconds=30):
        yield
