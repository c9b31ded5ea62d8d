"""The real pip, on a folder of wheels: no network."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.sources import open_source


def wheel(folder: Path, content: bytes) -> str:
    """A minimal wheel `cargo 1.0` (PEP 427) with one data file; its digest."""
    folder.mkdir()
    path = folder / "cargo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("cargo/data/x.txt", content)
        made.writestr("cargo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: cargo\nVersion: 1.0\n")
        made.writestr("cargo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        made.writestr("cargo-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """pip sees nothing but a folder with cargo 1.0; its digest."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "good"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return wheel(tmp_path / "good", b"abc")


def test_a_file_inside_the_wheel_is_read_and_nothing_else_left(index: str, tmp_path: Path) -> None:
    source = open_source("pypi:cargo==1.0/cargo/data", index, tmp_path)
    assert [e.path for e in source.list()] == ["x.txt"]
    assert source.read("x.txt") == b"abc"
    assert source.revision == "cargo==1.0"
    assert [p.name for p in (tmp_path / "downloads").iterdir()] == [index]


def test_a_decoy_of_the_same_name_and_version_is_never_used(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "decoy", b"evil")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "decoy"))
    with pytest.raises(DigestMismatch, match=index):
        open_source("pypi:cargo==1.0/cargo/data", index, tmp_path)


def test_a_second_opening_needs_no_pip(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_source("pypi:cargo==1.0/cargo/data", index, tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert open_source("pypi:cargo==1.0/cargo", index, tmp_path).read("data/x.txt") == b"abc"


def test_other_bytes_under_that_version_are_refused(index: str, tmp_path: Path) -> None:
    with pytest.raises(DigestMismatch, match="expected 0000"):
        open_source("pypi:cargo==1.0/cargo/data", "0" * 64, tmp_path)


def test_pip_is_quoted_where_it_fails(index: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"No matching distribution found for cargo==2\.0"):
        open_source("pypi:cargo==2.0/x", index, tmp_path)


@pytest.mark.parametrize(
    "uri", ["pypi:cargo/x", "pypi:cargo>=1/x", "pypi:cargo==1.0 --index-url=x/y", "pypi:-r==1/x"]
)
def test_a_uri_that_is_not_exact_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(SourceError, match="malformed"):
        open_source(uri, "0" * 64, tmp_path)


def test_a_digest_is_required(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="needs `sha256`"):
        open_source("pypi:cargo==1.0/x", None, tmp_path)
