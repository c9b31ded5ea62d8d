"""What is wrong with a DVC repository is said in one sentence with what fixes it, whichever command opens it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from dvc.lock import make_lock
from dvc.repo import Repo as DvcRepo
from run_git import git

from components.errors import Busy, GraftlineError, StorageError
from components.stages.collect_dvc import DvcCache
from components.stages.dvc_repo import dvc_errors, open_repo, settings
from components.stages.pull import pull
from components.stages.push import push
from flows.engine import failure

DVC_YAML = "stages:\n  make:\n    cmd: 'true'\n    outs: [out]\n"
REMOTE = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    git(tmp_path, "init", "-q", "line")
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text(REMOTE)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    return folder


def flow(root: Path) -> None:
    open_repo(root).is_as_locked()


def sweep(root: Path) -> None:
    DvcCache(root, 14, {}).items()


EVERY = [pull, push, sweep, flow]


def no_git(root: Path) -> None:
    shutil.rmtree(root / ".git")


def no_dvc(root: Path) -> None:
    shutil.rmtree(root / ".dvc")


def broken_config(root: Path) -> None:
    (root / ".dvc" / "config").write_text("[core\n" + REMOTE)


def unknown_setting(root: Path) -> None:
    (root / ".dvc" / "config").write_text(REMOTE + "[more]\n    x = 1\n")


def merged_lock(root: Path) -> None:
    (root / "dvc.lock").write_text("<<<<<<< HEAD\n")


def other_yaml(root: Path) -> None:
    (root / "dvc.yaml").write_text("stages: {make: {cmd: '${nothing}'}}\n")


STATES = [
    (no_git, "DVC needs a git repository: .* is not a git repository.*git clone.*git init"),
    (no_dvc, r"no \.dvc, so DVC knows no output of it.*git checkout \.dvc.*dvc init"),
    (broken_config, r"DVC's settings cannot be used: Invalid line .*Correct \.dvc/config"),
    (unknown_setting, r"DVC's settings cannot be used: extra keys not allowed .*Correct \.dvc/config"),
    (merged_lock, r"DVC cannot read one of its files.*dvc\.lock.*git checkout dvc\.lock"),
    (other_yaml, r"DVC cannot read this workspace: failed to parse.*'nothing'"),
]


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize(("break_it", "said"), STATES)
def test_every_command_says_what_is_wrong_and_what_fixes_it(
    root: Path, command: Callable[[Path], object], break_it: Callable[[Path], None], said: str
) -> None:
    break_it(root)
    if command is push and break_it is no_dvc:
        said = "No DVC remote is set"  # its settings lay there
    with pytest.raises(StorageError, match=said) as caught:
        command(root)
    assert "\n" not in str(caught.value)


def test_what_is_advised_for_a_download_without_git_helps(root: Path) -> None:
    no_git(root)
    git(root, "init", "-q")
    assert pull(root) == []


@contextmanager
def held(root: Path) -> Iterator[None]:
    """DVC's lock, as another process holds it."""
    with DvcRepo(str(root)) as repo, make_lock(str(Path(repo.tmp_dir) / "lock"), tmp_dir=repo.tmp_dir):
        yield


@pytest.mark.parametrize("command", [pull, push, sweep, flow, lambda root: open_repo(root).up_to_date()])
def test_a_lock_that_is_held_is_busy(
    root: Path, command: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0)
    with held(root), pytest.raises(Busy, match="DVC's lock is held by another process"):
        command(root)


def test_settings_are_the_defaults_where_there_are_none(tmp_path: Path) -> None:
    assert not settings(tmp_path)["core"].get("remote")


def test_a_stage_s_error_stays_what_it_is() -> None:
    ours = Busy("Held.", "Wait.")
    assert failure("gate", ours) is ours
    assert type(failure("gate", ValueError("odd"))) is GraftlineError


def full(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "notes.db")) as notes:
        notes.execute("pragma max_page_count = 2")
        notes.execute("create table a (x)")
        notes.execute("insert into a values (zeroblob(100000))")


def damaged(folder: Path) -> None:
    (folder / "notes.db").write_bytes(b"no database" * 999)
    with closing(sqlite3.connect(folder / "notes.db")) as notes:
        notes.execute("select * from sqlite_master")


def away(folder: Path) -> None:
    sqlite3.connect(folder / "nowhere" / "notes.db")


def taken(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "notes.db", isolation_level=None)) as holder:
        holder.execute("begin exclusive")
        with closing(sqlite3.connect(folder / "notes.db", timeout=0)) as notes:
            notes.execute("create table a (x)")


@pytest.mark.parametrize(
    ("happens", "kind", "said"),
    [
        (full, StorageError, r"database or disk is full\. Free some room"),
        (
            damaged,
            StorageError,
            r"file is not a database\. Remove its folders, which DVC makes again: \.dvc/tmp",
        ),
        (away, StorageError, r"unable to open database file\. Let this user write to its folders"),
        (taken, Busy, r"database is locked\. Another process"),
    ],
)
def test_only_a_full_disk_asks_for_room(
    tmp_path: Path, happens: Callable[[Path], None], kind: type[GraftlineError], said: str
) -> None:
    with pytest.raises(kind, match=said), dvc_errors():
        happens(tmp_path)
