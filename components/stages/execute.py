"""Running one stage: the same for both engines, so that one row of the table behaves one way everywhere."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, metadata
from pathlib import Path
from types import FrameType

from threadpoolctl import threadpool_limits

from components.data.dataset import Dataset
from components.errors import Interrupted, StorageError
from components.params import Params
from components.stages.artefacts import SOURCE_LOCK, check_artefacts, note_artefact, require
from components.stages.domains import check_domains
from components.stages.enough import check_parity_samples, usable_samples
from components.stages.packages import check_packages, checked
from components.stages.table import Context, Run, Stage, stage
from components.storage.home import home, stage_lock
from components.storage.publish import kernel_lock, read_json, remove, write_json
from components.tracker import Tracker
from components.training.interrupts import crash_point

PR_SET_PDEATHSIG = 1


class Sections:
    """Params reduced to the sections that the stage declares: the others would not be tracked."""

    def __init__(self, params: Params, row: Stage) -> None:
        self._params = params
        self._row = row

    def __getattr__(self, name: str) -> object:
        if name not in self._row.params:
            raise AttributeError(f"stage {self._row.name} does not declare the section {name!r} in the table")
        return getattr(self._params, name)


def execute(name: str, root: Path, params: Params) -> None:
    """Run the stage `name` in the workspace `root` and publish its outputs when it returns."""
    row = stage(name)
    die_with_parent()
    check_versions(row, root)
    check_packages([row], root, checked(params))
    require(root, row.inputs, name)
    state = home(root)
    with _terminable(), kernel_lock(stage_lock(root, name), wait_seconds=60):
        check_artefacts(root, [artefact for artefact in row.inputs if artefact != SOURCE_LOCK])
        if "dataset" in row.inputs:
            _check_dataset(root / "dataset", params)
        started = time.monotonic()
        with _tracked(root, params, name) as tracker:
            partial = {out: root / f".{out}.partial" for out in row.outputs}
            try:
                _run(row, root, partial, params, _context(state, params, tracker))
            finally:  # a disk that is full needs the room
                for path in partial.values():
                    remove(path)
            digests = {out: note_artefact(root, out) for out in row.outputs}
            seconds = time.monotonic() - started
            tracker.metrics({f"seconds.{name}": seconds})
            _note(state, root, row, digests, seconds)


def _check_dataset(folder: Path, params: Params) -> None:
    """What a later stage would refuse: of no use to train first."""
    check_parity_samples(usable_samples(folder), params)
    if params.domains.declared:
        check_domains(Dataset.open(folder), params.domains)


def _run(row: Stage, root: Path, partial: Mapping[str, Path], params: Params, context: Context) -> None:
    run: Run = import_module(f"components.stages.{row.name}").run
    crash_point(f"{row.name}:imported")
    for path in partial.values():
        remove(path)
        if not path.name.endswith(".json.partial"):
            path.mkdir()
    # A sum split over threads is rounded elsewhere: bytes must not depend on OMP_NUM_THREADS.
    with threadpool_limits(1, "blas"):
        run({a: root / a for a in row.inputs}, partial, Sections(params, row), context)  # type: ignore[arg-type]
    crash_point(f"{row.name}:made")
    for out, path in partial.items():
        remove(root / out)
        path.rename(root / out)
    crash_point(f"{row.name}:published")


def _context(state: Path, params: Params, tracker: Tracker) -> Context:
    return Context(tracker, state, params.runtime.cores, params.runtime.providers, params.runtime.store_bytes)


@contextmanager
def _tracked(root: Path, params: Params, name: str) -> Iterator[Tracker]:
    from components.registry.runs import tracked_stage

    with tracked_stage(root, params, name) as tracker:
        yield tracker


def _note(state: Path, root: Path, row: Stage, digests: Mapping[str, str], seconds: float) -> None:
    """Timings and producers: they differ from run to run, so they lie outside every locked output."""
    from components.registry.runs import record_producer

    record_producer(root, row.name, digests)
    path = state / "runs" / "timings.json"
    with kernel_lock(path.with_suffix(".lock"), wait_seconds=10):
        timings = read_json(path) if path.exists() else {}
        timings[row.name] = {
            "seconds": round(seconds, 2),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        write_json(path, timings)


def check_versions(row: Stage, root: Path) -> None:
    """What shapes the stage's bytes must be installed in the version that dvc.lock will name."""
    if not (path := root / "versions.json").exists():
        raise StorageError(
            "versions.json does not exist: it names the versions of all that shapes bytes.",
            "Run: git checkout versions.json. In a workspace that never had it: python -m components versions --write",
        )
    expected = read_json(path)
    for name in row.versions:
        installed = installed_version(name)
        if installed != expected.get(name):
            raise StorageError(
                f"{name} {installed} is installed, versions.json says {expected.get(name)}.",
                "Run `make setup`, or accept the new version with `python -m components versions --write`.",
            )


def installed_version(name: str) -> str:
    """Version without its local part: builds for CPU and GPU share it."""
    names = ("onnxruntime", "onnxruntime-gpu") if name == "onnxruntime" else (name,)
    for distribution in names:
        try:
            return metadata.version(distribution).split("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return "none"


def die_with_parent() -> None:
    """Linux: an engine that is killed must not leave a writer behind."""
    if os.name == "posix" and Path("/proc").exists():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM unwinds the stage as Interrupted, so that files and runs are closed, which a second one leaves alone."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted("Stopped by a signal.", "The same command resumes.")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
