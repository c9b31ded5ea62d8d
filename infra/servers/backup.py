"""Copies of the databases and artefacts that can be put back on any machine.

The databases first, then the artefacts: a version is registered after its files have arrived, so the files of every
version in the dump are there when the copy begins. No password of the servers is in a backup; but what Prefect's blocks
hold is, with the key that Prefect keeps beside them.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from components.errors import Busy, GraftlineError, StorageError
from components.progress import log
from components.storage.home import home
from components.storage.publish import kernel_lock, publish_folder, read_json, remove, sha256_file, write_json
from infra.servers import postgres
from infra.servers.launch import left_over
from infra.servers.layout import Layout, Settings, listening, make_settings, read_settings
from infra.servers.operate import WAIT
from infra.servers.programs import DATABASES, USER

FORMAT = 1
MANIFEST = "manifest.json"
LOCKS = ("dvc.lock", "data/source.lock")


def backup(where: Layout, target: Path) -> Path:
    """Write `target`/graftline-DATE; it appears by rename. The servers go on.

    Raises GraftlineError where the servers are down, StorageError where something cannot be copied.
    """
    settings = read_settings(where)
    if settings is None or not listening(settings.postgres_port):
        raise GraftlineError("PostgreSQL does not run: there is nothing to ask.", "make up")
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    final = target.absolute() / f"graftline-{stamp}"
    if final.exists():
        raise StorageError(f"{final} exists.", "Wait a second.")
    with kernel_lock(where.lock, WAIT), publish_folder(final) as part:
        part.chmod(0o700)
        for name in DATABASES:
            dump(settings, name, part / f"{name}.dump")
        _copy(where.artifacts, part / "artifacts")
        for ledger in _ledgers(where):
            _copy(ledger, part / "ledgers" / ledger.name)
        for lock in LOCKS:
            if (source := where.root / lock).is_file():
                _copy(source, part / "locks" / lock)
        manifest = {"format": FORMAT, "made": stamp, "files": _digests(part)}
        write_json(part / MANIFEST, manifest)
    return final


def restore(where: Layout, source: Path, force: bool = False) -> None:
    """Servers from a backup, beside the old ones, which they replace by rename at the end; not started.

    Ports and passwords that are there stay; on a new machine there are new ones. What was replaced is kept as
    `servers.before-DATE`. Killed half-way: the same command begins anew.

    Raises Busy while servers run, StorageError where there are some and not `force`, and where a file of the backup
    is not what its manifest says.
    """
    source = source.absolute()  # PostgreSQL's programs run in a folder of their own
    check(source)
    with kernel_lock(where.lock, WAIT):
        if any(True for _ in left_over(where.folder)):
            raise Busy("The servers run.", "make down, then restore.")
        if where.cluster.exists() and not force:
            raise StorageError(
                f"{where.folder} holds servers already.",
                "To set them aside and restore over them: make restore FROM=… FORCE=yes",
            )
        part = Layout(where.root, where.folder.with_name(".servers.restoring"))
        _fill(part, source, where)
        _exchange(part, where)
        _locks(where, source)


def dump(settings: Settings, name: str, target: Path) -> None:
    """One database at one instant, compressed."""
    words = ["--format", "custom", "--no-owner", "--file", str(target), name]
    postgres.run("pg_dump", words, settings)


def check(source: Path) -> None:
    """Raises StorageError naming the first file that is missing, too many, or not what the manifest says."""
    if not (source / MANIFEST).exists():
        raise StorageError(
            f"{source} holds no backup: it has no {MANIFEST}.",
            "make restore FROM=FOLDER/graftline-DATE, a folder that make backup named.",
        )
    manifest = read_json(source / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise StorageError(
            f"{source} has format {manifest.get('format')}, not {FORMAT}.", "Use the code that made it."
        )
    wanted, found = manifest["files"], _digests(source)
    if wanted == found:
        return
    assert isinstance(wanted, dict)
    differ = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
    raise StorageError(f"{source / differ[0]} is not the file that was backed up.", "Use another backup.")


def _fill(part: Layout, source: Path, old: Layout) -> None:
    remove(part.folder)
    part.folder.mkdir(parents=True)
    if old.settings.exists():
        shutil.copy2(old.settings, part.settings)
    settings = make_settings(part)
    postgres.initialise(part, settings)
    _copy(source / "artifacts", part.artifacts)
    part.artifacts.chmod(0o700)
    with alone(part, settings):
        postgres.prepare(settings, DATABASES)
        for name in DATABASES:
            words = ["--no-owner", "--clean", "--if-exists", "--exit-on-error", "--single-transaction"]
            postgres.run("pg_restore", [*words, "--dbname", name, str(source / f"{name}.dump")], settings)
            log(f"{name} is restored")
        _set_password(settings)


def _set_password(settings: Settings) -> None:
    """MLflow's administrator gets the password of these settings: the backup's may be another machine's."""
    from werkzeug.security import generate_password_hash

    with postgres.connect(settings, "mlflow_auth") as connection:
        if connection.execute("SELECT to_regclass('users')").fetchone() != (None,):
            hashed = generate_password_hash(settings.mlflow_password)
            connection.execute("UPDATE users SET password_hash = %s WHERE username = %s", (hashed, USER))


@contextmanager
def alone(part: Layout, settings: Settings) -> Iterator[None]:
    """PostgreSQL without the other servers and without their supervisor, for the time of the block."""
    log_file = part.cluster / "restore.log"
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c port={settings.postgres_port}"
    control = ["--pgdata", str(part.cluster), "--wait", "--silent"]
    owner = postgres.account()
    postgres.run("pg_ctl", [*control, "--log", str(log_file), "-o", options, "start"], as_user=owner)
    try:
        yield
    finally:
        postgres.run("pg_ctl", [*control, "--mode", "fast", "stop"], as_user=owner)
        log_file.unlink(missing_ok=True)


def _exchange(part: Layout, where: Layout) -> None:
    if where.folder.exists():
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        aside = where.folder.with_name(f"servers.before-{stamp}")
        where.folder.rename(aside)
        log(f"What was there is kept: {aside}")
    part.folder.rename(where.folder)


def _locks(where: Layout, source: Path) -> None:
    """Ledgers of an embedded store and DVC's locks are put back where there are none; others are named."""
    pairs = [(source / "locks" / name, where.root / name) for name in LOCKS]
    folder = home(where.root) / "mlflow"
    pairs += [(kept, folder / kept.name) for kept in sorted((source / "ledgers").glob("*"))]
    for kept, target in pairs:
        if not kept.exists():
            continue
        if not target.exists():
            _copy(kept, target)
        elif kept.is_file() and sha256_file(kept) != sha256_file(target):
            log(f"{target} differs from the backup's and stays: {kept}")


def _ledgers(where: Layout) -> Iterator[Path]:
    yield from sorted((home(where.root) / "mlflow").glob("*.ledger"))


def _copy(source: Path, target: Path) -> None:
    """A file, or a folder's files; whoever has a part of an upload does not matter."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, target)
    except (OSError, shutil.Error) as error:
        raise StorageError(f"{source} cannot be copied: {error}.", "Say it again; is there room?") from None


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in sorted(files)}
