"""The real pip, on a folder with one archive of sources that would tell if anything of it ran: no network."""

import io
import tarfile
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.storage.publish import sha256_file
from examples import archives, sdist

BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
FORMS = {"setup.py": {}, "a backend of its own": {"pyproject.toml": BACKEND}}


def sources(folder: Path, told: Path, more: dict[str, str]) -> str:
    """An sdist `cargo 1.0` with one data file, whose build writes `told`; its digest."""
    folder.mkdir()
    tell = f"import pathlib\npathlib.Path({str(told)!r}).touch()\n"
    meta = "Metadata-Version: 2.1\nName: cargo\nVersion: 1.0\n"
    members = {"PKG-INFO": meta, "setup.py": tell, "backend.py": tell, "data/x.txt": "abc", **more}
    path = folder / "cargo-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name, text in members.items():
            member = tarfile.TarInfo(f"cargo-1.0/{name}")
            member.size = len(text)
            made.addfile(member, io.BytesIO(text.encode()))
    return sha256_file(path)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip sees nothing but a folder; what is there after the build code ran."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "told"


@pytest.mark.parametrize("form", FORMS)
def test_the_archive_comes_and_nothing_of_it_runs(form: str, told: Path, tmp_path: Path) -> None:
    digest = sources(tmp_path / "index", told, FORMS[form])
    path = sdist.fetch("cargo==1.0", digest, tmp_path)
    assert path == tmp_path / "downloads" / digest
    assert dict(archives.files(path, suffix="x.txt")) == {"cargo-1.0/data/x.txt": b"abc"}
    assert [found.name for found in (tmp_path / "downloads").iterdir()] == [digest]
    assert not told.exists()


def test_other_bytes_under_that_version_are_refused(told: Path, tmp_path: Path) -> None:
    sources(tmp_path / "index", told, {})
    with pytest.raises(DigestMismatch, match="expected 0000"):
        sdist.fetch("cargo==1.0", "0" * 64, tmp_path)
    assert not told.exists()


def test_pip_is_quoted_where_it_fails(told: Path, tmp_path: Path) -> None:
    sources(tmp_path / "index", told, {})
    with pytest.raises(SourceError, match=r"No matching distribution found for cargo==2\.0"):
        sdist.fetch("cargo==2.0", "0" * 64, tmp_path)
