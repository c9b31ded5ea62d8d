"""PostgreSQL's own programs: found, run as somebody who is not root, and the databases that the servers need."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import GraftlineError, StorageError
from infra.servers.layout import HOST, Layout, Settings, write_secret

if TYPE_CHECKING:
    from psycopg import Connection

DEBIAN = Path("/usr/lib/postgresql")
OLDEST = 14  # Prefect's floor
SUPERUSER = "graftline"


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def account() -> Account | None:
    """Who runs PostgreSQL, which refuses root: `postgres`, else `nobody`; None for the caller."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise GraftlineError(
        "PostgreSQL does not run as root, and this machine has neither `postgres` nor `nobody`.",
        "Run the command as another user.",
    )


def binary(name: str) -> Path:
    """One of PostgreSQL's programs: of the newest version in Debian's folder, else from PATH."""
    versions = sorted(
        (int(folder.name) for folder in DEBIAN.glob("[0-9]*") if (folder / "bin" / name).is_file()),
        reverse=True,
    )
    if versions and versions[0] >= OLDEST:
        return DEBIAN / str(versions[0]) / "bin" / name
    found = shutil.which(name)
    if found and shutil.which("initdb") and _major(found) >= OLDEST:
        return Path(found)
    raise GraftlineError(
        f"PostgreSQL's program {name} (version {OLDEST} or newer) is not here.",
        "Install it: apt-get install postgresql (Debian, Ubuntu), or put its programs into PATH.",
    )


def _major(program: str) -> int:
    """Of the PostgreSQL that `program` belongs to; 0 where it does not say."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def initialise(where: Layout, settings: Settings) -> None:
    """Make the cluster, where there is none; it appears by rename.

    Raises StorageError where its user cannot enter the folder.
    """
    if (where.cluster / "PG_VERSION").exists():
        return
    owner = account()
    part = where.folder / ".postgres.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    _refuse_closed_folders(where.folder, owner)
    if owner:
        os.chown(part, owner.uid, owner.gid)
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder) / "password"
        write_secret(password, settings.postgres_password)
        if owner:
            Path(folder).chmod(0o711)
            os.chown(password, owner.uid, owner.gid)
        words = ["--pgdata", str(part), "--username", SUPERUSER, "--pwfile", str(password)]
        words += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums"]
        run("initdb", words, as_user=owner)
    part.rename(where.cluster)


def _refuse_closed_folders(folder: Path, owner: Account | None) -> None:
    """Raises StorageError naming the first folder on the way that PostgreSQL's user may not enter."""
    if owner is None:
        return
    for above in (*reversed(folder.parents), folder):
        found = above.stat()
        mine = 0o100 if found.st_uid == owner.uid else 0o010 if found.st_gid == owner.gid else 0o001
        if not found.st_mode & mine:
            raise StorageError(
                f"{above} is closed to the user {owner.name}, as whom PostgreSQL must run, not being root.",
                f"Open it (chmod o+x {above}), set GRAFTLINE_HOME to a folder elsewhere, or do not be root.",
            )


def prepare(settings: Settings, names: Sequence[str]) -> None:
    """The databases, where they are missing, with pg_trgm, by which Prefect searches."""
    with connect(settings, "postgres") as connection:
        there = {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}
        for name in names:
            if name not in there:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())  # names of our own
    for name in names:
        with connect(settings, name) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")


def connect(settings: Settings, name: str) -> "Connection[tuple[object, ...]]":
    """Each statement is a transaction of its own."""
    import psycopg

    return psycopg.connect(
        host=HOST,
        port=settings.postgres_port,
        user=SUPERUSER,
        password=settings.postgres_password,
        dbname=name,
        connect_timeout=3,
        autocommit=True,
    )


def run(
    name: str, words: Sequence[str], settings: Settings | None = None, as_user: Account | None = None
) -> None:
    """Run one of PostgreSQL's programs to its end; raises StorageError with its last line."""
    environment: dict[str, str] = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    if settings is not None:
        environment |= connection_environment(settings)
    done = subprocess.run(
        [str(binary(name)), *words],
        env=environment,
        user=as_user.uid if as_user else None,
        group=as_user.gid if as_user else None,
        extra_groups=[] if as_user else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = re.sub(r"\s+", " ", " ".join(done.stderr.strip().splitlines()[-2:]))
        raise StorageError(f"{name} ended with code {done.returncode}: {said}")


def connection_environment(settings: Settings) -> Mapping[str, str]:
    """For libpq: no password in arguments, which everybody can read."""
    return {
        "PGHOST": HOST,
        "PGPORT": str(settings.postgres_port),
        "PGUSER": SUPERUSER,
        "PGPASSWORD": settings.postgres_password,
    }
