"""Everything appears whole or not at all."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from components.errors import Busy, StorageError
from components.storage.publish import (
    kernel_lock,
    publish_folder,
    read_json,
    sha256_bytes,
    sha256_tree,
    write_bytes,
    write_json,
)


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, "é"]})
    write_json(tmp_path / "b.json", {"a": [1.5, "é"], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": [1.5, "é"], "b": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_and_leaves_the_file(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(StorageError, match="not finite"):
        write_json(tmp_path / "a.json", {"x": value})
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": ')
    with pytest.raises(StorageError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")


def test_tree_digest_sees_names_and_contents(tmp_path: Path) -> None:
    write_bytes(tmp_path / "one" / "a", b"1")
    write_bytes(tmp_path / "two" / "b", b"1")
    write_bytes(tmp_path / "three" / "a", b"1")
    one, two, three = (sha256_tree(tmp_path / name) for name in ("one", "two", "three"))
    assert one != two
    assert one == three
    assert sha256_tree(tmp_path / "one" / "a") == sha256_bytes(b"1")


def test_a_failed_folder_leaves_the_one_before(tmp_path: Path) -> None:
    with publish_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("first")
    with pytest.raises(ZeroDivisionError), publish_folder(tmp_path / "out") as folder:
        (folder / "a").write_text(str(1 / 0))
    assert (tmp_path / "out" / "a").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def _hold(path: Path) -> None:
    with kernel_lock(path):
        time.sleep(60)


def test_a_lock_is_exclusive_and_free_as_soon_as_its_holder_is_killed(tmp_path: Path) -> None:
    holder = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path / "lock",))
    holder.start()
    assert holder.pid is not None
    deadline = time.monotonic() + 20
    while not (tmp_path / "lock").exists() or not (tmp_path / "lock").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(Busy, match=str(holder.pid)), kernel_lock(tmp_path / "lock"):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with kernel_lock(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002])
def test_what_is_published_has_the_mode_that_the_umask_gives(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_json(tmp_path / "verdict.json", {})
        with publish_folder(tmp_path / "release") as folder:
            write_bytes(folder / "model.onnx", b"1")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        "verdict.json": 0o666 & ~umask,
        "release": 0o777 & ~umask,
        "model.onnx": 0o666 & ~umask,
    }


def test_a_disk_that_takes_nothing_is_told_with_its_own_remedy(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(StorageError, match=r"a/b could not be written: .*Move"):
        write_bytes(tmp_path / "a" / "b", b"1")
