"""A PostgreSQL of its own for tests: Debian's programs, a temporary cluster, a Unix socket and nothing else."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

# For throw-away data: what is lost in a power cut is not what is tested.
FAST = (
    "-c fsync=off -c full_page_writes=off -c max_connections=40 -c shared_buffers=16MB -c listen_addresses="
)


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    found = shutil.which("initdb")
    folders = [*([Path(found).parent] if found else []), *debian[::-1]]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Cluster:
    """A running server; `made` gives each test a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def address(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def made(self, template: str = "template1") -> str:
        """Address of a new database."""
        self._count += 1
        with psycopg.connect(self.address("postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE made{self._count} TEMPLATE {template}")
        return self.address(f"made{self._count}")


@contextmanager
def cluster(bin_folder: Path) -> Iterator[Cluster]:
    """A server in a new folder, whose short path a Unix socket's name fits into; both go at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    try:
        data = str(folder / "data")
        _as_somebody(bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        control = (bin_folder / "pg_ctl", "-D", data, "-w", "-s")
        _as_somebody(*control, "-l", str(folder / "log"), "-o", f"{FAST} -k {folder}", "start")
        try:
            yield Cluster(folder)
        finally:
            _as_somebody(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody(*words: str | Path) -> None:
    """PostgreSQL refuses to run as root."""
    drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    done = subprocess.run([*drop, *map(str, words)], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
