import hashlib
import os
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.sources import open_source

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "b").mkdir(parents=True)
    (tmp_path / "in" / "b" / "x.txt").write_bytes(b"abc")
    (tmp_path / "in" / "a.txt").write_bytes(b"abc")
    (tmp_path / "outside.txt").write_bytes(b"secret")
    return tmp_path / "in"


def test_a_folder_is_listed_sorted_and_its_revision_is_its_listing(folder: Path, tmp_path: Path) -> None:
    source = open_source(f"file:{folder}", None, tmp_path)
    assert [(e.path, e.size, e.sha256) for e in source.list()] == [("a.txt", 3, ABC), ("b/x.txt", 3, ABC)]
    lines = f"{ABC}  3  a.txt\n{ABC}  3  b/x.txt\n"
    assert source.revision == hashlib.sha256(lines.encode()).hexdigest()
    assert source.read("b/x.txt") == b"abc"
    assert open_source(f"file:{folder}", source.revision, tmp_path).list() == source.list()


def test_another_listing_than_named_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DigestMismatch, match="0000"):
        open_source(f"file:{folder}", "0" * 64, tmp_path).list()


def test_named_files_alone_are_read_and_counted(folder: Path, tmp_path: Path) -> None:
    source = open_source(f"file:{folder}", None, tmp_path, ("b/x.txt", "none.txt"))
    assert [e.path for e in source.list()] == ["b/x.txt"]
    (folder / "a.txt").write_bytes(b"changed")
    assert open_source(f"file:{folder}", source.revision, tmp_path, ["b/x.txt"]).read("b/x.txt") == b"abc"


def test_a_relative_path_starts_at_the_working_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(open_source("file:in", None, tmp_path).list()) == 2


def test_one_file_is_pinned_by_its_own_digest(folder: Path, tmp_path: Path) -> None:
    source = open_source(f"file://{folder}/a.txt", ABC, tmp_path)
    assert [e.path for e in source.list()] == ["a.txt"]
    assert source.revision == ABC


def test_links_may_not_leave_and_may_not_be_folders(folder: Path, tmp_path: Path) -> None:
    inner, outer, loop = folder / "inner.txt", folder / "outer.txt", folder / "loop"
    inner.symlink_to("b/x.txt")
    assert len(open_source(f"file:{folder}", None, tmp_path).list()) == 3
    outer.symlink_to("../outside.txt")
    with pytest.raises(SourceError, match=r"outer\.txt is a link that leaves"):
        open_source(f"file:{folder}", None, tmp_path).list()
    outer.unlink()
    loop.symlink_to(".")
    with pytest.raises(SourceError, match="loop is a link to a folder"):
        open_source(f"file:{folder}", None, tmp_path).list()


def test_what_is_not_a_file_is_not_waited_for(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(SourceError, match="pipe is not a regular file"):
        open_source(f"file:{folder}", None, tmp_path).list()


def test_a_file_that_changes_after_it_was_listed_is_noticed(folder: Path, tmp_path: Path) -> None:
    source = open_source(f"file:{folder}", None, tmp_path)
    source.list()
    (folder / "a.txt").write_bytes(b"abd")
    with pytest.raises(DigestMismatch, match=r"a\.txt"):
        source.read("a.txt")
    with pytest.raises(SourceError, match="no file"):
        source.read("../outside.txt")


@pytest.mark.parametrize("uri", ["ftp://x/y", "http://x/y", "/data", "git://x", ""])
def test_other_forms_are_refused_with_the_allowed_ones(tmp_path: Path, uri: str) -> None:
    with pytest.raises(SourceError, match="Allowed: file:"):
        open_source(uri, None, tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere does not exist"):
        open_source(f"file:{tmp_path}/nowhere", None, tmp_path)
