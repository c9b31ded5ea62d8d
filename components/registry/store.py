"""Where runs and models are kept: the embedded SQLite store or an MLflow server."""

import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from components.errors import GraftlineError, RegistryError, first_line, redact
from components.params.operation import TrackingParams
from components.progress import log
from components.registry.full_disk import full, full_disk
from components.registry.tables import half_made, make_tables
from components.storage.home import home
from components.storage.publish import kernel_lock
from components.storage.servers import use_servers
from components.storage.sqlite import address, path_in
from components.telemetry import OFF

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

QUIET = {
    **OFF,
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# Packages whose errors come from a server, the network or the database, beside the system's own (OSError).
CLIENTS = {
    "boto3",
    "botocore",
    "http",
    "mlflow",
    "psycopg",
    "requests",
    "sqlalchemy",
    "sqlite3",
    "urllib3",
}
# What the system says of a file, not of a connection: asking again does not change it.
OF_A_FILE = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# Asking again cannot help with these codes of MLflow: the others may be a server that restarts or a locked database.
FINAL = {
    "BAD_REQUEST",
    "ENDPOINT_NOT_FOUND",
    "FEATURE_DISABLED",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "NOT_IMPLEMENTED",
    "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
    "UNAUTHENTICATED",
}
DAMAGED = ("file is not a database", "database disk image is malformed")  # SQLite's words
NO_MLFLOW = "not in a valid JSON format"  # MLflow's, of a page that is not its server's
# urllib3 wraps the system's words in five layers of its own.
_SYSTEM = re.compile(r"\[Errno -?\d+\] (?P<says>[\w ]+)")


@dataclass(frozen=True)
class Place:
    """Address of the store; `artifacts` is None where the server decides."""

    uri: str
    artifacts: str | None

    def __str__(self) -> str:
        return redact(self.uri)


def locate(root: Path, tracking: TrackingParams) -> Place:
    """An address in params.yaml; else the environment's MLFLOW_TRACKING_URI or the servers of `make up`; else here."""
    if tracking.uri == "sqlite":
        use_servers(root)
        if server := os.environ.get("MLFLOW_TRACKING_URI"):
            return Place(server, None)
    if not tracking.uri.startswith("sqlite"):
        # SQLAlchemy would look for an older driver than the one that we lock.
        return Place(re.sub(r"^postgresql://", "postgresql+psycopg://", tracking.uri), None)
    folder = home(root) / "mlflow"
    uri = address(folder / "mlflow.db") if tracking.uri == "sqlite" else tracking.uri
    return Place(uri, (folder / "artifacts").as_uri())


@dataclass(frozen=True)
class Connection:
    """Attributes:
    runs: ids of runs that the store was seen to hold: an id that was kept on disk may be of a store that was deleted.
    """

    client: "MlflowClient"
    experiment: str
    place: Place
    runs: set[str] = field(default_factory=set, compare=False)

    def ask(self, call: Callable[[], T], seconds: float = 90.0) -> T:
        """`call`, which asks this store, by `patiently`."""
        return patiently(call, seconds, place=self.place)


def connect(root: Path, tracking: TrackingParams) -> Connection:
    """Import MLflow (seconds), make the store's schema where it is new, and find the experiment.

    Raises RegistryError where the store cannot be reached; the address is shown without credentials. StorageError
    where its disk is full.
    """
    place = locate(root, tracking)
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    # They log what they raise, with a traceback; the code that catches it says it in one line.
    for name in ("mlflow", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        # Two processes that meet an empty SQLite file at once would both run its migrations.
        with kernel_lock(home(root) / "locks" / "mlflow", wait_seconds=120):
            if place.artifacts:
                (home(root) / "mlflow").mkdir(parents=True, exist_ok=True)
            if file := path_in(place.uri):
                make_tables(file)
            client = MlflowClient(place.uri, registry_uri=place.uri)
            found = client.get_experiment_by_name(tracking.experiment)
            experiment = found.experiment_id if found else _create(client, tracking.experiment, place)
    except Exception as error:
        if no_room := full_disk(error, place.uri):
            raise no_room from error
        message = f"MLflow at {place} cannot be used: {reason(error)}."
        raise RegistryError(message, _remedy(error, place)) from error
    return Connection(client, str(experiment), place)


def preload(root: Path, tracking: TrackingParams) -> None:
    """Import what `connect` needs, for a thread that has nothing better to do."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    import mlflow

    if locate(root, tracking).artifacts:  # an embedded store
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def _remedy(error: Exception, place: Place) -> str:
    if any(words in str(error) for words in DAMAGED):
        return f"Restore it from a backup, or move it away: runs and versions in it are lost then. It is {place}."
    if half_made(error):
        return (
            "MLflow was killed while it changed the store's tables. Restore the store from a backup, or move it away: "
            f"runs and versions in it are lost then. It is {place}."
        )
    if getattr(error, "error_code", None) == "ENDPOINT_NOT_FOUND" or NO_MLFLOW in str(error):
        return "No MLflow answers there: check the address, its path included (tracking.uri, MLFLOW_TRACKING_URI)."
    return ""


def _create(client: "MlflowClient", name: str, place: Place) -> str:
    try:
        return str(client.create_experiment(name, artifact_location=place.artifacts))
    except Exception:
        found = client.get_experiment_by_name(name)  # another machine was faster
        if found is None:
            raise
        return str(found.experiment_id)


def reason(error: BaseException) -> str:
    """One line without secrets; of a failed connection, what the system says."""
    text = str(error).strip()
    if "HTTPConnectionPool" in text and (found := _SYSTEM.search(text)):
        return found["says"]
    if words := full(error):  # behind what SQLAlchemy says of itself
        return words
    return redact(first_line(error))[:300].rstrip(".")


def is_absent(error: BaseException) -> bool:
    """Whether the store says that it has no such thing."""
    return getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"


def of_the_store(error: BaseException) -> bool:
    """Whether a server, the network, the database or a file says so: anything else is a mistake in code."""
    if isinstance(error, RegistryError) and error.__cause__ is not None:
        return of_the_store(error.__cause__)
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError | RegistryError) or not packages.isdisjoint(CLIENTS)


def transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, RegistryError):
        return error.__cause__ is not None and transient(error.__cause__)
    if not of_the_store(error) or isinstance(error, OF_A_FILE):
        return False
    if half_made(error) or any(words in str(error) for words in (*DAMAGED, NO_MLFLOW)):
        return False
    return getattr(error, "error_code", None) not in FINAL


def patiently(
    call: Callable[[], T], seconds: float = 90.0, pause: float = 1.0, place: Place | None = None
) -> T:
    """Call until it works; a store that is away comes back, or RegistryError after `seconds`. Other errors of ours
    are final.

    So is a full disk: StorageError, which names the folder where `place` is known. What is no error of the store, a
    KeyError for instance, is raised as it is.
    """
    deadline, told = time.monotonic() + seconds, False
    while True:
        try:
            return call()
        except Exception as error:
            if isinstance(error, GraftlineError) and not isinstance(error, RegistryError):
                raise
            if no_room := full_disk(error, place.uri if place else ""):
                raise no_room from None
            if not of_the_store(error):
                raise
            again = transient(error)
            if not again or time.monotonic() >= deadline:
                known = isinstance(error, RegistryError)
                said = str(error) if known else f"The registry refused: {reason(error)}."
                raise RegistryError(said, "The same command tries again." if again else "") from None
            left = max(0.0, deadline - time.monotonic())
            if not told:
                log(
                    f"The registry does not answer ({reason(error)}); it is asked again for up to {left:.0f} s."
                )
                told = True
            time.sleep(min(pause, left))
            pause = min(pause * 2, 10.0)
