"""A push counts when the remote was asked for each object: a version must not point to bytes of this disk alone."""

import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.config import Config
from dvc.repo import Repo as DvcRepo

from components.errors import RegistryError, StorageError
from components.stages.pull import pull
from components.stages.push import push, push_where_set

LARGE = 200_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository that holds a folder and a file."""
    root = tmp_path_factory.mktemp("made")
    with DvcRepo.init(str(root), no_scm=True) as repo:
        (root / "data" / "images").mkdir(parents=True)
        (root / "data" / "images" / "one.png").write_bytes(b"one")
        (root / "data" / "images" / "two.png").write_bytes(b"two" * LARGE)
        (root / "data" / "model.onnx").write_bytes(b"bytes")
        repo.add([str(root / "data" / "images"), str(root / "data" / "model.onnx")])
    return root


@pytest.fixture
def tracked(made: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return shutil.copytree(made, tmp_path / "line")


def objects(remote: Path) -> dict[str, bytes]:
    """Name → bytes."""
    paths = (path for path in remote.rglob("*") if path.is_file())
    return {path.parent.name + path.name: path.read_bytes() for path in paths}


def _remote(root: Path, place: Path) -> None:
    """What `dvc remote add -d store PLACE` writes, without its two seconds."""
    with Config(str(root / ".dvc"), validate=False).edit() as config:
        config["remote"]["store"] = {"url": str(place)}
        config["core"]["remote"] = "store"


def test_without_a_remote_a_push_says_how_to_set_one_and_a_registration_goes_without(tracked: Path) -> None:
    push_where_set(tracked)
    with pytest.raises(StorageError, match=r"No DVC remote is set.*dvc remote add --default NAME ADDRESS"):
        push(tracked)
    with Config(str(tracked / ".dvc"), validate=False).edit() as config:
        config["remote"]["store"] = {"url": str(tracked.parent / "remote")}
    with pytest.raises(StorageError, match=r"There are: store\. Run: dvc remote default store"):
        push(tracked)


def test_what_was_asked_for_is_counted(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    assert str(push(tracked)) == "4 objects were brought to the DVC remote, which has all 4."
    assert str(push(tracked)) == "0 objects were brought to the DVC remote, which has all 4."
    for path in tracked.rglob("*.dvc"):
        if path.is_file():
            path.unlink()
    assert str(push(tracked)).startswith("Nothing to push: dvc.lock and the .dvc files name no output.")


def test_a_broken_lock_is_no_fault_of_the_remote(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    (tracked / "dvc.yaml").write_text("stages: {make: {cmd: 'true', outs: [out]}}\n")
    (tracked / "dvc.lock").write_text("<<<<<<< HEAD\n")
    with pytest.raises(
        StorageError, match=r"DVC cannot read one of its files.*dvc\.lock.*git checkout dvc\.lock"
    ):
        push(tracked)


def test_a_remote_gets_everything_before_a_version_is_made(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    assert push(tracked).brought == 4  # three files and a list
    assert {b"one", b"two" * LARGE, b"bytes"} < set(objects(tmp_path / "remote").values())
    assert push(tracked).brought == 0


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"!" + path.read_bytes()[1:])


@pytest.mark.parametrize("damage", [lose, cut, flip])
def test_what_the_remote_lost_comes_back_although_dvc_believes_it_there(
    tracked: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    remote = tmp_path / "remote"
    _remote(tracked, remote)
    with DvcRepo(str(tracked)) as repo:
        repo.push()
        assert repo.status(cloud=True) == {}
        whole = objects(remote)
        for path in [path for path in remote.rglob("*") if path.is_file() and path.read_bytes() == b"one"]:
            damage(path)
        assert repo.push() == 0
        assert repo.status(cloud=True) == {}
    assert push(tracked).brought == 1
    for path in remote.rglob("*.dir"):
        damage(path)
    assert push(tracked).brought == 1
    assert objects(remote) == whole


PUSH = (
    "import sys; from pathlib import Path; from components.stages.push import push; push(Path(sys.argv[1]))"
)
CRASH = """
from components.storage import objects
def put(self, names, *words, put=objects.Remote.put, done=[]):
    put(self, names, words[0][:1])
    __import__("os").kill(__import__("os").getpid(), 9)
objects.Remote.put = put
"""


def test_killed_between_two_objects_the_same_command_finishes(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    killed = subprocess.run([sys.executable, "-c", CRASH + PUSH, str(tracked)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(objects(tmp_path / "remote")) == 1
    assert push(tracked).brought == 3
    assert len(objects(tmp_path / "remote")) == 4


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, -1));"
PULL = (
    "import sys; from pathlib import Path; from components.stages.pull import pull; pull(Path(sys.argv[1]))"
)


def limited(root: Path, program: str) -> str:
    """What it says where no file may be larger than 400 kB: that stands for a full disk."""
    words = [sys.executable, "-c", LIMITED + program, str(root)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


def test_a_remote_that_is_full_is_said_and_the_rerun_works(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    assert "The DVC remote did not take everything" in limited(tracked, PUSH)
    there = {name: data for name, data in objects(tmp_path / "remote").items() if not name.endswith(".tmp")}
    assert there == {hashlib.md5(data).hexdigest(): data for data in there.values()}
    assert push(tracked).brought == 4 - len(there)


@pytest.mark.parametrize("lost", ["cache", "workspace"])
def test_a_disk_that_is_full_in_a_pull_is_said_and_the_rerun_works(
    tracked: Path, tmp_path: Path, lost: str
) -> None:
    _remote(tracked, tmp_path / "remote")
    push(tracked)
    shutil.rmtree(tracked / "data" / "images")
    if lost == "cache":
        shutil.rmtree(tracked / ".dvc" / "cache")
    said = limited(tracked, PULL)
    assert "could not be written: File too large. Free some room, or raise the limit on file sizes" in said
    assert not [path for path in tracked.rglob("*") if path.name.startswith((".fetched", ".images"))]
    assert pull(tracked) == ["data/images"]
    assert (tracked / "data" / "images" / "two.png").read_bytes() == b"two" * LARGE


def test_a_remote_that_takes_nothing_stops_the_registration(tracked: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    _remote(tracked, tmp_path / "file" / "remote")
    with pytest.raises(RegistryError, match="The DVC remote did not take everything"):
        push(tracked)


def test_what_this_disk_lost_is_not_said_to_be_pushed(tracked: Path, tmp_path: Path) -> None:
    _remote(tracked, tmp_path / "remote")
    for path in [*(tracked / ".dvc" / "cache").rglob("*")]:
        if path.is_file():
            path.unlink()
    with pytest.raises(RegistryError, match="did not take everything"):
        push(tracked)
