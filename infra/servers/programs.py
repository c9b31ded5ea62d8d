"""The servers: what each is started with. Passwords go by the environment or a file, never by arguments."""

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from components.runtime.python import module_command
from components.telemetry import OFF
from infra.servers import postgres
from infra.servers.layout import HOST, Layout, Settings

POOL = "graftline"
USER = "graftline"
MARK = "GRAFTLINE_SERVER"  # in the environment of each server and of what it starts: FOLDER#NAME
DATABASES = ("mlflow", "mlflow_auth", "prefect")


@dataclass(frozen=True)
class Program:
    """Attributes:
    words: the command; everybody on the machine can read it.
    environment: all of the process's.
    account: the user to run as, where it is not the caller.
    folder: where it starts.
    stop: the signal that ends it in good order.
    patience: seconds until it must be healthy.
    """

    name: str
    words: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    account: postgres.Account | None = None
    stop: str = "TERM"
    patience: float = 300.0  # MLflow takes 15 s on quiet cores, and 100 beside a training


NAMES = ("postgres", "mlflow", "prefect", "worker")  # each needs those before it


def program(name: str, where: Layout, settings: Settings) -> Program:
    return {"postgres": _postgres, "mlflow": _mlflow, "prefect": _prefect, "worker": _worker}[name](
        where, settings
    )


def address(name: str, settings: Settings) -> str:
    """Where people and programs find it, without passwords."""
    return {
        "postgres": f"postgresql://{HOST}:{settings.postgres_port}",
        "mlflow": f"http://{HOST}:{settings.mlflow_port}",
        "prefect": f"http://{HOST}:{settings.prefect_port}",
        "worker": f"work pool {POOL}",
    }[name]


def client_environment(settings: Settings) -> dict[str, str]:
    """What every client of the servers needs: flows, `mlflow`, `prefect`."""
    return {
        "MLFLOW_TRACKING_URI": address("mlflow", settings),
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": settings.mlflow_password,
        "PREFECT_API_URL": f"{address('prefect', settings)}/api",
        "PREFECT_API_AUTH_STRING": f"{USER}:{settings.prefect_password}",
        "GRAFTLINE_LEDGER_DATABASE": database(settings, "mlflow"),
        **OFF,
    }


def environment_file(settings: Settings) -> str:
    """For `. .graftline/servers/env` in a shell; `components.storage.servers` reads the same lines."""
    head = (
        "# The servers of `make up`; made by it, read by the flows. For a shell: . .graftline/servers/env\n"
    )
    lines = (f"export {key}={shlex.quote(value)}\n" for key, value in client_environment(settings).items())
    return head + "".join(lines)


def auth_configuration(settings: Settings) -> str:
    """MLflow's basic authentication. A hit in its cache saves a PBKDF2 hash for each request."""
    return (
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = {database(settings, 'mlflow_auth', 'psycopg')}\n"
        f"admin_username = {USER}\n"
        f"admin_password = {settings.mlflow_password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )


def database(settings: Settings, name: str, driver: str = "") -> str:
    """The address of a database with its password: for environments and files of mode 600."""
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    return f"{scheme}://{USER}:{settings.postgres_password}@{HOST}:{settings.postgres_port}/{name}"


def temporary() -> Path:
    """The caller's own folder for what is temporary: Prefect's runner has one name for all users of a machine.

    It is not in the workspace, whose path may be too long for the sockets that processes make there.
    """
    return Path(tempfile.gettempdir()) / f"graftline-{os.geteuid()}"


def _own(where: Layout, name: str, **more: str) -> dict[str, str]:
    """The caller's environment without what names other servers, and with the mark of this one."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PREFECT_", "MLFLOW_", "PG", "SUPERVISOR_", "GRAFTLINE_RUN"))
    }
    return {**kept, **OFF, "PYTHONUNBUFFERED": "1", **more, MARK: f"{where.folder}#{name}"}


def _postgres(where: Layout, settings: Settings) -> Program:
    """A small share of the machine, no Unix socket (its path may be too long), nothing but loopback."""
    options = {
        "listen_addresses": HOST,
        "port": str(settings.postgres_port),
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_min_messages": "warning",
    }
    words = [str(postgres.binary("postgres")), "-D", str(where.cluster)]
    for key, value in options.items():
        words += ["-c", f"{key}={value}"]
    own = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return Program(
        "postgres",
        tuple(words),
        {**own, MARK: f"{where.folder}#postgres"},
        where.cluster,
        account=postgres.account(),
        stop="INT",  # ends connections; TERM would wait for them
    )


def _mlflow(where: Layout, settings: Settings) -> Program:
    words = module_command("mlflow", "server")
    words += ["--host", HOST, "--port", str(settings.mlflow_port)]
    words += ["-w", "1", "--app-name", "basic-auth", "--serve-artifacts"]
    words += ["--artifacts-destination", where.artifacts.as_uri()]
    environment = {
        "MLFLOW_BACKEND_STORE_URI": database(settings, "mlflow", "psycopg"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_AUTH_CONFIG_PATH": str(where.configuration / "mlflow-auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": settings.mlflow_key,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    return Program("mlflow", tuple(words), _own(where, "mlflow", **environment), where.folder)


def _prefect(where: Layout, settings: Settings) -> Program:
    words = module_command("prefect", "server", "start")
    words += ["--host", HOST, "--port", str(settings.prefect_port)]
    environment = {
        "PREFECT_HOME": str(where.folder / "prefect"),
        "PREFECT_API_URL": f"{address('prefect', settings)}/api",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database(settings, "prefect", "asyncpg"),
        "PREFECT_SERVER_API_AUTH_STRING": f"{USER}:{settings.prefect_password}",
        "PREFECT_API_AUTH_STRING": f"{USER}:{settings.prefect_password}",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    return Program("prefect", tuple(words), _own(where, "prefect", **environment), where.folder)


def _worker(where: Layout, settings: Settings) -> Program:
    """Its flow runs send heartbeats, so that the automation of `make deploy` ends those that nobody runs."""
    words = module_command("prefect", "worker", "start", "--pool", POOL, "--type", "process")
    words += ["--name", f"{POOL}-1", "--limit", "4"]
    environment = {
        **client_environment(settings),
        "PREFECT_HOME": str(where.folder / "prefect"),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PYTHONSAFEPATH": "1",  # for the processes of its flow runs
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "TMPDIR": str(temporary()),
    }
    return Program("worker", tuple(words), _own(where, "worker", **environment), where.root)
