"""Where the servers' files lie, and their ports and passwords: chosen once, then kept."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from components.errors import StorageError
from components.storage.home import home
from components.storage.publish import read_json

HOST = "127.0.0.1"
PORTS = range(20000, 30000)  # below the range that the kernel gives to outgoing connections


@dataclass(frozen=True)
class Layout:
    """Paths below `folder`, which is `.graftline/servers` of the workspace `root`."""

    root: Path
    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def environment(self) -> Path:
        return self.folder / "env"

    @property
    def configuration(self) -> Path:
        """What supervisord and MLflow read; written anew by each `up`."""
        return self.folder / "conf"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data."""
        return self.folder / "postgres"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def lock(self) -> Path:
        """Held by `up`, `down`, `backup` and `restore`; beside the folder, which `restore` replaces."""
        return self.folder.with_name("locks") / "servers"


@dataclass(frozen=True)
class Settings:
    """Ports on the loopback address, and passwords: 32 random bytes each."""

    postgres_port: int
    mlflow_port: int
    prefect_port: int
    control_port: int
    postgres_password: str
    mlflow_password: str
    mlflow_key: str
    prefect_password: str
    control_password: str


def layout(root: Path) -> Layout:
    return Layout(root.resolve(), home(root) / "servers")


def new_settings() -> Settings:
    postgres, mlflow, prefect, control = free_ports(4)
    return Settings(
        postgres_port=postgres,
        mlflow_port=mlflow,
        prefect_port=prefect,
        control_port=control,
        postgres_password=secrets.token_urlsafe(32),
        mlflow_password=secrets.token_urlsafe(32),
        mlflow_key=secrets.token_urlsafe(32),
        prefect_password=secrets.token_urlsafe(32),
        control_password=secrets.token_urlsafe(32),
    )


def read_settings(where: Layout) -> Settings | None:
    """None where `up` never ran. Raises StorageError where the file is not what `up` wrote."""
    if not where.settings.exists():
        return None
    try:
        return Settings(**read_json(where.settings))  # type: ignore[arg-type]  # checked below
    except TypeError:
        raise StorageError(
            f"{where.settings} is not what `make up` wrote.",
            "Put back a copy, or restore a backup: make restore FROM=….",
        ) from None


def make_settings(where: Layout) -> Settings:
    """Those that are there, or new ones. The folder is for its owner, and lets PostgreSQL's user through."""
    if (found := read_settings(where)) is not None:
        return found
    where.folder.mkdir(parents=True, exist_ok=True)
    where.folder.chmod(0o711)
    made = new_settings()
    write_secret(where.settings, json.dumps(asdict(made), indent=2))
    return made


def write_secret(path: Path, text: str) -> None:
    """For the owner's eyes from the first byte on; appears by rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{text.rstrip()}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = PORTS[secrets.randbelow(len(PORTS))]
        if port not in found and not listening(port):
            found.append(port)
    return found


def listening(port: int) -> bool:
    """Whether somebody answers at that port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
