"""Carrying journals to MLflow: one process of a workspace at a time, the others leave it to that one."""

import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from components.errors import Busy, GraftlineError
from components.params.operation import TrackingParams
from components.progress import log
from components.registry.journal import Journal, Record
from components.registry.store import (
    Connection,
    Place,
    connect,
    is_absent,
    locate,
    of_the_store,
    reason,
    transient,
)
from components.storage.home import home
from components.storage.publish import kernel_lock, read_json, sha256_bytes, write_bytes

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run, RunTag

T = TypeVar("T")
RUN_TAG = "graftline.run"
ENDED = ("FINISHED", "FAILED", "KILLED")
# Seconds that the last delivery of a process may take: MLflow's first start is slow. After a signal there is less time.
DELIVERY, AFTER_SIGNAL = 20.0, 3.0
# Limits of MLflow's log-batch request.
MAX_METRICS, MAX_OTHERS, MAX_LENGTH = 900, 100, 5000


class Deliverer:
    """A thread that delivers every journal of the workspace until it is closed.

    It holds a kernel lock while it serves: under a flow, which keeps one for its whole life, stages do not
    even import MLflow. Nothing it does raises into the stage.
    """

    def __init__(self, root: Path, tracking: TrackingParams, interval: float = 2.0) -> None:
        self._root = root
        self._tracking = tracking
        self._interval = interval
        self._enough = threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._run, name="graftline-delivery", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, deadline: float = DELIVERY) -> None:
        """Deliver what is left, for so many seconds: the next stage or run delivers the rest."""
        self._enough.set()
        self._thread.join(deadline)
        if self._thread.is_alive() and not self._warned:
            place = locate(self._root, self._tracking)
            log(
                f"MLflow at {place} is still busy with what this run recorded. The rest is kept, and delivered later."
            )
            self._warned = True

    def _run(self) -> None:
        while True:
            try:
                with kernel_lock(home(self._root) / "locks" / "delivery"):
                    self._serve()
                return
            except Busy:
                if self._enough.wait(1.0):
                    return
            except OSError as error:
                self._warn(reason(error))
                return

    def _serve(self) -> None:
        connection: Connection | None = None
        while True:
            last = self._enough.wait(self._interval)
            try:
                if any(journal.has_pending() for journal in journals(self._root)):
                    connection = connection or connect(self._root, self._tracking)
                    deliver(self._root, connection)
            except Exception as error:
                self._warn(reason(error))
                connection = None
            if last:
                return

    def _warn(self, why: str) -> None:
        if not self._warned:
            place = locate(self._root, self._tracking)
            log(f"MLflow at {place}: {why}. The run continues; what it records is kept and delivered later.")
        self._warned = True


def deliver_now(root: Path, connection: Connection) -> None:
    """Deliver all journals in this thread, unless somebody else is at it."""
    with suppress(Busy), kernel_lock(home(root) / "locks" / "delivery"):
        deliver(root, connection)


def journals(root: Path) -> list[Journal]:
    folder = home(root) / "runs"
    return [Journal(folder, path.name.removesuffix(".spool.jsonl")) for path in folder.glob("*.spool.jsonl")]


def deliver(root: Path, connection: Connection) -> None:
    """Bring the store up to date with every journal; one that cannot be delivered blocks no other.

    Raises what the first of those raised, once all others are delivered.
    """
    failed: list[Exception] = []
    for journal in journals(root):
        try:
            _deliver(journal, connection)
        except Exception as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _deliver(journal: Journal, connection: Connection) -> None:
    while journal.has_pending():
        run_id = store_run(
            journal.folder, journal.run, connection
        )  # before `pending`: it may have to begin again
        records, end = journal.pending()
        if end == journal.delivered:
            break  # a line that is still being written
        if records:
            _send(journal.folder, connection, run_id, records)
        journal.mark(end)


def store_run(folder: Path, name: str, connection: Connection) -> str:
    """MLflow's id of our run `name`, which is made where it does not exist yet, or does no longer.

    A store may have been deleted, or put back to an earlier day: what it was told then is told again.
    """
    with kernel_lock(folder.parent / "locks" / "store-run", wait_seconds=60):
        client = connection.client
        if known := known_as(folder, name, connection.place):
            if known in connection.runs or _exists(connection, known):
                return known
            log(f"MLflow at {connection.place} no longer holds run {name[:8]}; it is made again.")
            if (journal := Journal(folder, name)).path.exists():
                journal.mark(0)
        # Whoever died between the two lines below left the run in the store and no file here.
        found = client.search_runs([connection.experiment], f"tags.`{RUN_TAG}` = '{name}'", max_results=1)
        made = found[0] if found else _create_run(folder, name, connection)
        write_bytes(_known_as_path(folder, name, connection.place), str(made.info.run_id).encode())
        connection.runs.add(str(made.info.run_id))
        return str(made.info.run_id)


def _exists(connection: Connection, run_id: str) -> bool:
    try:
        connection.client.get_run(run_id)
    except Exception as error:
        if is_absent(error):
            return False
        raise
    connection.runs.add(run_id)
    return True


def _create_run(folder: Path, name: str, connection: Connection) -> "Run":
    path = folder / f"{name}.json"
    state = read_json(path) if path.exists() else {}
    made = connection.client.create_run(
        connection.experiment, _milliseconds(state.get("started")), {RUN_TAG: name}, name[:8]
    )
    status = str(state.get("status"))
    if status in ENDED:  # all that it said went to another store
        connection.client.set_terminated(made.info.run_id, status)
    return made


def _milliseconds(started: object) -> int | None:
    """When the run began, not when it is delivered; None where nobody wrote it down."""
    try:
        return int(datetime.fromisoformat(str(started)).timestamp() * 1000)
    except ValueError:
        return None


def known_as(folder: Path, name: str, place: Place) -> str | None:
    """MLflow's id of our run `name` in the store at `place`, once the run was delivered there."""
    try:
        return _known_as_path(folder, name, place).read_text().strip() or None
    except FileNotFoundError:
        return None


def _known_as_path(folder: Path, name: str, place: Place) -> Path:
    """A file for each store: `tracking.uri` may change, and an id of one store means nothing to another."""
    return folder / f"{name}.{sha256_bytes(place.uri.encode())[:8]}.mlflow"


def _send(folder: Path, connection: Connection, run_id: str, records: list[Record]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    metrics = [
        Metric(safe_key(key), float(value), record.at, record.step)
        for record in records
        if record.kind == "metrics"
        for key, value in record.values.items()
    ]
    params = {safe_key(k): _short(v) for r in records if r.kind == "params" for k, v in r.values.items()}
    tags = {safe_key(k): _short(v) for r in records if r.kind == "tags" for k, v in r.values.items()}
    for record in records:
        if record.kind == "links":
            tags |= {
                f"stage.{k}.run_id": known_as(folder, str(v), connection.place) or str(v)
                for k, v in record.values.items()
            }
        elif record.kind == "parent":
            tags["mlflow.parentRunId"] = store_run(folder, str(record.values["run"]), connection)
    for part in _parts(metrics, MAX_METRICS):
        _batch(connection, run_id, part, (), ())
    for some in _parts([Param(k, v) for k, v in params.items()], MAX_OTHERS):
        _batch(connection, run_id, (), some, ())
    for few in _parts([RunTag(k, v) for k, v in tags.items()], MAX_OTHERS):
        _batch(connection, run_id, (), (), few)
    _set_status(connection, run_id, [record for record in records if record.kind == "status"])


def _batch(
    connection: Connection,
    run_id: str,
    metrics: "Iterable[Metric]",
    params: "Iterable[Param]",
    tags: "Iterable[RunTag]",
) -> None:
    """Send one batch; one that the store will never take is dropped with a line, so that the rest arrives."""
    try:
        connection.client.log_batch(run_id, metrics=list(metrics), params=list(params), tags=list(tags))
    except Exception as error:
        if is_absent(error):
            connection.runs.discard(run_id)  # the run is gone: the next attempt makes it again
        if transient(error) or is_absent(error) or not of_the_store(error):
            raise
        log(f"MLflow does not take a record: {reason(error)}")


def _set_status(connection: Connection, run_id: str, records: list[Record]) -> None:
    if not records:
        return
    status = str(records[-1].values["status"])
    try:
        if status in ENDED:
            connection.client.set_terminated(run_id, status, end_time=records[-1].at)
        else:
            connection.client.update_run(run_id, status=status)
    except GraftlineError:
        raise
    except Exception as error:
        if transient(error) or not of_the_store(error):
            raise


def safe_key(key: str) -> str:
    """Only what MLflow allows in names."""
    return re.sub(r"[^\w\-. /:]", "_", key)[:250]


def _short(value: object) -> str:
    return str(value)[:MAX_LENGTH]


def _parts(items: list[T], size: int) -> list[list[T]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
