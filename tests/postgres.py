"""A PostgreSQL of its own for tests: Debian's programs, a temporary cluster, a Unix socket and nothing else."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

# For throw-away data: what is lost in a power cut is not what is tested.
FAST = (
    "-c fsync=off -c full_page_writes=off -c max_connections=40 -c shared_buffers=16MB -c listen_addresses="
)
PATIENCE = 60.0  # seconds until it answers


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None where there is none, or no Linux to keep it in check."""
    if shutil.which("setpriv") is None:
        return None
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
        words = _as_somebody(bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        server = _as_somebody(bin_folder / "postgres", "-D", data, "-k", str(folder), *FAST.split())
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(server, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
        ):
            try:
                made = Cluster(folder)
                _await(made, process)
                yield made
            finally:
                process.send_signal(signal.SIGQUIT)  # at once
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(made: Cluster, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(made.address("postgres")).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, (made.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _as_somebody(*words: str | Path) -> list[str]:
    """PostgreSQL refuses to run as root; and it ends with the process that started it, however that dies."""
    drop = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig=SIGQUIT", *map(str, words)]
