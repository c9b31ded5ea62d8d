import stat
import struct
import zipfile
from pathlib import Path

import pytest

from components.errors import SourceError
from components.sources.archive import ArchiveSource, Caps


def pack(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def test_members_below_the_prefix_are_listed_with_their_digests_sorted(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"data/b.txt": b"abc", "data/a.txt": b"", "other.txt": b"x"})
    source = ArchiveSource("file:a.zip", archive, "data")
    # SHA-256 of "" and "abc" from FIPS 180-4's examples.
    assert [(e.path, e.size, e.sha256[:8]) for e in source.list()] == [
        ("a.txt", 0, "e3b0c442"),
        ("b.txt", 3, "ba7816bf"),
    ]
    assert source.read("b.txt") == b"abc"
    with pytest.raises(SourceError, match="no file"):
        source.read("other.txt")


def test_a_prefix_may_name_one_file_and_must_exist(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"data/b.txt": b"abc"})
    assert [e.path for e in ArchiveSource("u", archive, "data/b.txt").list()] == ["b.txt"]
    with pytest.raises(SourceError, match="nothing below 'dat'"):
        ArchiveSource("u", archive, "dat")


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "a//b", "./x", "a/\nb", "a/\x85b", "\rb", "a\x7f"]
)
def test_paths_that_are_not_plain_are_refused(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "a.zip", {"good.txt": b"abc", name: b"slip"})
    with pytest.raises(SourceError, match="plain relative path"):
        ArchiveSource("u", archive)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "name", ["C:/x", "a\\..\\x", "a/\u202eb", "a\u202f\u00a0\u200d\u2028.png", " a", "Icon\r"]
)
def test_every_letter_but_control_characters_is_one_of_a_name(tmp_path: Path, name: str) -> None:
    source = ArchiveSource("u", pack(tmp_path / "a.zip", {name: b"abc"}))
    assert [entry.path for entry in source.list()] == [name]
    assert source.read(name) == b"abc"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    archive = pack(tmp_path / "a.zip", {"x": b"/etc/passwd"}, mode=kind | 0o777)
    with pytest.raises(SourceError, match="link or a device"):
        ArchiveSource("u", archive)


def test_bombs_are_refused_by_their_directory(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"x": bytes(8_000_000)})
    with pytest.raises(SourceError, match="swell"):
        ArchiveSource("u", archive)
    with pytest.raises(SourceError, match="cap"):
        ArchiveSource("u", archive, caps=Caps(total_bytes=1_000_000))
    with pytest.raises(SourceError, match="members, more than 0"):
        ArchiveSource("u", archive, caps=Caps(files=0))


def test_a_member_longer_than_its_directory_says_is_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"x": bytes(1000)})
    data = archive.read_bytes()
    at = data.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    archive.write_bytes(data[:at] + struct.pack("<I", 10) + data[at + 4 :])
    with pytest.raises(SourceError, match=r"damaged|as long as"):
        ArchiveSource("u", archive).read("x")


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x", b"abc")
    archive.write_bytes(archive.read_bytes().replace(b"abc", b"abd"))
    with pytest.raises(SourceError, match="damaged"):
        ArchiveSource("u", archive).list()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(SourceError, match="zip"):
        ArchiveSource("u", tmp_path / "a.zip")
