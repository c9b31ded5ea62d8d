"""Archives by digest: what is not what was named is never used; nothing in them chooses where it lands."""

import io
import tarfile
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.storage.publish import sha256_file
from examples import archives, npm


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return path


def test_what_is_pulled_is_kept_by_its_digest_and_pulled_once(tmp_path: Path) -> None:
    digest = sha256_file(packed(tmp_path / "a.tgz", {"a/x.txt": b"abc"}))
    found = archives.fetch("a@1", digest, tmp_path, lambda _: tmp_path / "a.tgz")
    assert found == tmp_path / "downloads" / digest
    assert not (tmp_path / "a.tgz").exists()  # a second pull would fail
    assert archives.fetch("a@1", digest, tmp_path, lambda _: tmp_path / "a.tgz") == found
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == [digest]


def test_an_archive_with_another_digest_is_set_aside(tmp_path: Path) -> None:
    packed(tmp_path / "a.tgz", {"a/x.txt": b"abc"})
    with pytest.raises(DigestMismatch, match="expected 0000"):
        archives.fetch("a@1", "0" * 64, tmp_path, lambda _: tmp_path / "a.tgz")
    assert not (tmp_path / "downloads" / ("0" * 64)).exists()


def test_a_damaged_one_is_pulled_again(tmp_path: Path) -> None:
    digest = sha256_file(packed(tmp_path / "a.tgz", {"a/x.txt": b"abc"}))
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / digest).write_bytes(b"not it")
    found = archives.fetch("a@1", digest, tmp_path, lambda _: tmp_path / "a.tgz")
    assert sha256_file(found) == digest


def test_files_are_read_by_beginning_and_end_from_disk_or_memory(tmp_path: Path) -> None:
    held = {"a/x.txt": b"1", "a/y.csv": b"2", "b/z.txt": b"3"}
    path = packed(tmp_path / "a.tgz", held)
    assert dict(archives.files(path)) == held
    assert dict(archives.files(path.read_bytes(), "a/", ".txt")) == {"a/x.txt": b"1"}


def test_links_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as made:
        link = tarfile.TarInfo("a/x.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    assert list(archives.files(tmp_path / "a.tgz")) == []


@pytest.mark.parametrize("name", ["../x.txt", "/x.txt", "a/../../x.txt"])
def test_a_name_that_leaves_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "a.tgz", {name: b""})
    with pytest.raises(SourceError, match="not a plain relative path"):
        list(archives.files(path, suffix=".txt"))


def test_without_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="there is no npm here"):
        npm.fetch("@a/b@1.0.0", "0" * 64, tmp_path)
