"""pull writes exactly the bytes that dvc.lock names, where they belong, whatever a remote says."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo as DvcRepo
from run_git import git

from components.errors import DigestMismatch, GraftlineError, StorageError
from components.registry.lineage import git_state
from components.stages.collect_dvc import locks_around, young_locks
from components.stages.pull import pull

PLANTED = b"raise SystemExit('planted code was executed')\n"


def dvc(root: Path, command: str, *words: str) -> object:
    """What DVC's own command does, without the seconds of a process."""
    with DvcRepo(str(root)) as repo:
        return getattr(repo, command)(*words)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Place:
    """A repository whose output `head` (two files) and `data/words.txt` lie at a remote beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "line"
        self.remote = folder / "remote"

    @property
    def name(self) -> str:
        """Of the list of `head`."""
        lock = yaml.safe_load((self.root / "dvc.lock").read_text())
        return str(lock["stages"]["train_head"]["outs"][0]["md5"])

    @staticmethod
    def stored(store: Path, name: str) -> Path:
        return store / "files" / "md5" / name[:2] / name[2:]

    def at_remote(self, data: bytes, name: str = "") -> str:
        """Put `data` there, under its own name or another's."""
        name = name or md5(data)
        path = self.stored(self.remote, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.chmod(0o644)
        path.write_bytes(data)
        return name

    def cached(self, name: str) -> Path:
        return self.stored(self.root / ".dvc" / "cache", name)

    def listed(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.stored(self.remote, self.name).read_bytes())
        return found

    def renamed(self, name: str) -> None:
        """Let dvc.lock name another list."""
        lock = self.root / "dvc.lock"
        lock.write_text(lock.read_text().replace(self.name, name))

    def files(self) -> set[str]:
        """All files of the workspace and beside it, less those of git, DVC and the remote."""
        parents = (self.remote, self.root / ".dvc", self.root / ".git")
        found = (path for path in self.root.parent.rglob("*") if path.is_file())
        return {str(path) for path in found if not any(parent in path.parents for parent in parents)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made and pushed by DVC itself."""
    folder = tmp_path_factory.mktemp("pull")
    place = Place(folder)
    (place.root / ".dvc").mkdir(parents=True)
    git(place.root, "init", "-q")
    config = (
        "[core]\n    remote = store\n    analytics = false\n['remote \"store\"']\n    url = ../../remote\n"
    )
    (place.root / ".dvc" / "config").write_text(config)
    command = "mkdir head && printf one > head/a.bin && mkdir head/b && printf two > head/b/c.bin"
    stages = {"train_head": {"cmd": command, "outs": ["head"]}}
    (place.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (place.root / ".gitignore").write_text("/head\n/data/words.txt\n")
    (place.root / "params.yaml").write_text("{}\n")
    (place.root / "data").mkdir()
    (place.root / "data" / "words.txt").write_text("words")
    for words in (
        ("add", str(place.root / "data" / "words.txt")),
        ("reproduce", f"{place.root}/dvc.yaml:train_head"),
        ("push",),
    ):
        dvc(place.root, *words)
    git(place.root, "add", "-A")
    git(place.root, "commit", "-qm", "made")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Place:
    """A fresh clone, so to say: neither outputs nor cache; the remote is its own."""
    for name in ("line", "remote"):
        shutil.copytree(made / name, tmp_path / name)
    root = tmp_path / "line"
    for old in (root / "head", root / ".dvc" / "cache", root / ".dvc" / "tmp"):
        shutil.rmtree(old)
    (root / "data" / "words.txt").unlink()
    return Place(tmp_path)


def refused(place: Place, error: type[GraftlineError] = StorageError) -> str:
    """What pull says; not a file has changed when it says it."""
    before = place.files()
    with pytest.raises(error) as caught:
        pull(place.root)
    assert place.files() == before
    return str(caught.value)


def test_a_pull_brings_everything_once(place: Place) -> None:
    assert set(pull(place.root)) == {"data/words.txt", "head"}
    assert (place.root / "head" / "b" / "c.bin").read_bytes() == b"two"
    assert (place.root / "data" / "words.txt").read_text() == "words"
    assert pull(place.root) == []
    assert dvc(place.root, "status") == {}


# Critical: whoever can write to the remote must not run code in each workspace that pulls.


def plant(place: Place) -> str:
    """dvc.lock stays; the list at the remote has one entry more. Returns its name."""
    code = place.at_remote(PLANTED)
    listed = [*place.listed(), {"md5": code, "relpath": "../yaml.py"}]
    return place.at_remote(json.dumps(listed).encode(), place.name)


def plant_with_its_own_name(place: Place) -> str:
    """The list has the MD5 that its name says, and dvc.lock was changed with it."""
    code = place.at_remote(PLANTED)
    data = json.dumps([*place.listed(), {"md5": code, "relpath": "../yaml.py"}]).encode()
    name = place.at_remote(data, f"{md5(data)}.dir")
    place.renamed(name)
    return name


def plant_dvc_file(place: Place) -> str:
    """Another .dvc file, whose list leads out of the repository."""
    data = json.dumps([{"md5": place.at_remote(PLANTED), "relpath": "../../outside.py"}]).encode()
    name = place.at_remote(data, f"{md5(data)}.dir")
    (place.root / "more.dvc").write_text(
        yaml.safe_dump({"outs": [{"md5": name, "hash": "md5", "path": "more"}]})
    )
    return name


ATTACKS = [(plant, "yaml.py"), (plant_with_its_own_name, "yaml.py"), (plant_dvc_file, "../outside.py")]


@pytest.mark.parametrize(("attack", "path"), ATTACKS)
def test_what_a_remote_plants_is_refused_before_anything_is_written(
    place: Place, attack: Callable[[Place], str], path: str
) -> None:
    name = attack(place)
    assert name in refused(place, DigestMismatch if attack is plant else StorageError)
    assert not (place.root / path).exists()
    assert not place.cached(name).exists()  # a later `dvc checkout` would follow it


@pytest.mark.parametrize(("attack", "path"), ATTACKS)
def test_the_attack_is_real(place: Place, attack: Callable[[Place], str], path: str) -> None:
    """`dvc pull` writes that file: what is refused above is no invention."""
    attack(place)
    dvc(place.root, "pull")
    assert (place.root / path).read_bytes() == PLANTED


@pytest.mark.parametrize("path", ["../outside.txt", "yaml.py", "params.yaml", ".git/hooks/pre-push"])
def test_no_dvc_file_may_write_there(place: Place, path: str) -> None:
    out = {"md5": place.at_remote(PLANTED), "hash": "md5", "path": path}
    (place.root / "more.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    said = refused(place)
    assert "is refused" in said or "DVC cannot read" in said


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a hook of another repository, and of somebody who has paths read as globs."""
    git(tmp_path, "init", "-q", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    monkeypatch.setenv("GIT_GLOB_PATHSPECS", "1")


def test_no_output_replaces_what_git_holds(place: Place, request: pytest.FixtureRequest) -> None:
    (place.root / "data" / "held.txt").write_text("held")
    git(place.root, "add", "-f", "data/held.txt")
    git(place.root, "commit", "-qm", "held")
    out = {"md5": place.at_remote(PLANTED), "hash": "md5", "path": "data/held.txt"}
    (place.root / "more.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    assert "data/held.txt is refused: git holds it" in refused(place)
    request.getfixturevalue("elsewhere")
    assert "data/held.txt is refused: git holds it" in refused(place)


@pytest.mark.parametrize(
    "ask", [git_state, lambda root: locks_around(root, "HEAD"), lambda root: young_locks(root, 1e9)]
)
def test_git_is_asked_about_this_repository(
    place: Place, ask: Callable[[Path], object], request: pytest.FixtureRequest
) -> None:
    here = ask(place.root)
    assert here
    request.getfixturevalue("elsewhere")
    assert ask(place.root) == here


def test_no_link_leads_an_output_out_of_the_repository(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (place.root / "linked").symlink_to(tmp_path / "elsewhere")
    out = {"md5": place.at_remote(PLANTED), "hash": "md5", "path": "linked/words.txt"}
    (place.root / "more.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    assert "is refused" in refused(place)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_digest_is_no_path(place: Place) -> None:
    (place.root.parent / "target").write_bytes(b"x")
    out = {"md5": "../../../../target", "hash": "md5", "path": "data/more.txt"}
    (place.root / "more.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    assert "'../../../../target' for a digest" in refused(place)


def test_a_list_that_is_too_large_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.storage.objects.LARGEST", 50)
    assert "larger at the DVC remote than the 50 bytes" in refused(place)


def test_what_helps_is_what_the_system_refused(place: Place) -> None:
    """Only a full disk asks for room."""
    (place.root / "data" / ".words.txt.partial").mkdir()
    with pytest.raises(
        StorageError, match=r"data/words\.txt could not be written: File exists.*Move it away"
    ):
        pull(place.root, ["data/words.txt"])


# Bytes that are damaged, at the remote or in the cache.


def flip(path: Path, at: int = 0) -> None:
    """One bit, with size, times and mode as they were: DVC takes the file for the old one."""
    kept = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    path.chmod(kept.st_mode)


@pytest.mark.parametrize(
    "damage", [flip, lambda path: (path.chmod(0o644), path.write_bytes(b"on")), Path.unlink]
)
def test_damaged_objects_at_the_remote_are_refused(place: Place, damage: Callable[[Path], object]) -> None:
    damage(place.stored(place.remote, md5(b"one")))
    assert md5(b"one") in refused(place, GraftlineError)
    place.at_remote(b"one", md5(b"one"))
    assert "head" in pull(place.root)


@pytest.mark.parametrize("which", [b"one", b""])
def test_damaged_objects_of_the_cache_come_from_the_remote_again(place: Place, which: bytes) -> None:
    pull(place.root)
    name = md5(which) if which else place.name
    flip(place.cached(name))
    shutil.rmtree(place.root / "head")
    assert pull(place.root) == ["head"]
    assert (place.root / "head" / "a.bin").read_bytes() == b"one"
    assert dvc(place.root, "status") == {}


def test_without_a_remote_a_damaged_object_is_removed_and_the_stage_named(place: Place) -> None:
    pull(place.root)
    flip(place.cached(md5(b"one")))
    shutil.rmtree(place.root / "head")
    (place.root / ".dvc" / "config").write_text("")
    assert "`dvc repro train_head` makes head again" in refused(place)
    assert not place.cached(md5(b"one")).exists()
    dvc(place.root, "reproduce", f"{place.root}/dvc.yaml:train_head")
    assert (place.root / "head" / "a.bin").read_bytes() == b"one"


def test_a_damaged_output_is_brought_back_although_dvc_takes_it_for_whole(place: Place) -> None:
    pull(place.root)
    assert dvc(place.root, "status") == {}
    flip(place.root / "head" / "a.bin")
    assert dvc(place.root, "status") == {}
    assert "head/a.bin is not what dvc.lock names" in refused(place)
    assert pull(place.root, ["head"], force=True) == ["head"]
    assert (place.root / "head" / "a.bin").read_bytes() == b"one"


def test_what_is_saved_nowhere_is_not_overwritten(place: Place) -> None:
    pull(place.root)
    (place.root / "head" / "mine.txt").write_text("a day of work")
    assert "head/mine.txt" in refused(place)
    (place.root / "head" / "mine.txt").write_text("two")  # these bytes the cache has
    assert pull(place.root) == ["head"]
    assert not (place.root / "head" / "mine.txt").exists()
