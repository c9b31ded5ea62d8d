from pathlib import Path

import pytest

from components.data.lock import Lock, LockedSource, locate, read_lock
from components.errors import DataError, DigestMismatch
from components.sources import Entry, open_source

ENTRY = Entry("a b.png", 3, "f" * 64)


def test_a_lock_survives_being_written(tmp_path: Path) -> None:
    lock = Lock("file:x", "r1", "Ünlizenz", "folders", (ENTRY, Entry("a/ü.png", 0, "0" * 64)))
    (tmp_path / "l").write_text(lock.text(), encoding="utf-8")
    assert read_lock(tmp_path / "l") == lock
    assert lock.text().splitlines()[1] == f"{'f' * 64}  3  a b.png"


def test_a_lock_of_before_reads_as_before(tmp_path: Path) -> None:
    """Its bytes name the data of a line that was trained already."""
    head = '{"layout": "folders", "licence": "CC0", "revision": "r", "uri": "file:x"}'
    text = f'{head}\n{"f" * 64}  3  a b.png\n{"0" * 64}  7  a/"x".png \n'
    (tmp_path / "l").write_text(text)
    lock = read_lock(tmp_path / "l")
    assert [entry.path for entry in lock.entries] == ["a b.png", 'a/"x".png ']
    assert lock.assignments is None
    assert lock.text() == text


def test_the_order_of_the_listing_does_not_matter() -> None:
    other = Entry("Z.png", 1, "0" * 64)
    one, two = (Lock("u", "r", "l", "folders", entries) for entries in ((ENTRY, other), (other, ENTRY)))
    assert one.text() == two.text()


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "7", '{"uri": 1', '{"uri":"","revision":"","licence":"","layout":""}\nx']
)
def test_damaged_locks_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l").write_text(text)
    with pytest.raises(DataError, match=r"is damaged.*components refresh"):
        read_lock(tmp_path / "l")


def test_a_missing_lock_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Run `python -m components refresh`"):
        read_lock(tmp_path / "l")


def test_other_bytes_than_the_locked_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"new")
    source = open_source(f"file:{tmp_path}", None, tmp_path)
    locked = LockedSource(Lock("u", "r", "l", "folders", (Entry("a.txt", 3, "0" * 64),)), source)
    with pytest.raises(DigestMismatch, match=r"a\.txt at .* has changed since"):
        locked.read("a.txt")
    with pytest.raises(DataError, match=r"not in data/source\.lock"):
        locked.read("b.txt")


def test_relative_folders_start_at_the_workspace(tmp_path: Path) -> None:
    assert locate("file:data/x", tmp_path) == f"file:{tmp_path.resolve()}/data/x"
    assert locate("file:/data/x", tmp_path) == "file:/data/x"
    assert locate("hf://a/b@c/d", tmp_path) == "hf://a/b@c/d"
