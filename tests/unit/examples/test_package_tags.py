"""Debian's packages as samples: what is read of an index, which table is taken, and what is said of another one."""

import gzip
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.storage.publish import sha256_bytes
from examples.debtags import fetch as debtags
from examples.tables import as_csv

INDEX = """\
Package: mhonarc
Description: Mail to HTML converter
Tag: implemented-in::perl, role::program, works-with::mail,
 works-with::text

Package: recode-doc
Source: recode (3.6-25)
Description: Documentation for Free recode
Tag: works-with::text, works-with::unicode

Package: plain
Description: says works-with::mail in its synopsis only
Tag: role::program

Package: bare
Description: without tags

Package: tkgate
Description: Tcl/Tk based digital circuit editor and simulator
Tag: works-with::graphs, works-with-format::png
"""
ROWS = [
    ("mhonarc", "mhonarc", "mhonarc: Mail to HTML converter", "mail|text"),
    ("recode-doc", "recode", "recode-doc: Documentation for Free recode", "text"),
    ("tkgate", "tkgate", "tkgate: Tcl/Tk based digital circuit editor and simulator", ""),
]
TABLE = as_csv(debtags.COLUMNS, ROWS)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "Packages.gz"
    path.write_bytes(gzip.compress(INDEX.encode()))
    monkeypatch.setenv(debtags.GIVEN, str(path))
    return path


def test_packages_that_say_what_they_work_with_are_rows() -> None:
    assert list(debtags.packages(INDEX)) == ROWS


def test_the_table_of_that_digest_is_written_and_kept(
    tmp_path: Path, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debtags, "SHA256", sha256_bytes(TABLE))
    debtags.fetch(tmp_path / "data", tmp_path / "cache")
    assert (tmp_path / "data" / "packages.csv").read_bytes() == TABLE
    given.unlink()  # the index has gone on; what was kept serves another workspace
    debtags.fetch(tmp_path / "other", tmp_path / "cache")
    assert (tmp_path / "other" / "packages.csv").read_bytes() == TABLE


def test_another_table_is_refused_with_its_digest_and_two_ways_out(tmp_path: Path, given: Path) -> None:
    with pytest.raises(DigestMismatch) as caught:
        debtags.fetch(tmp_path / "data", tmp_path / "cache")
    assert f"the index here gives one of 3 packages with SHA-256 {sha256_bytes(TABLE)}" in str(caught.value)
    assert "DEBTAGS_PACKAGES=FILE" in caught.value.remedy
    assert "write its digest into SHA256 of examples/debtags/fetch.py" in caught.value.remedy
    assert not (tmp_path / "data").exists()


def test_a_machine_without_apt_is_told_what_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(debtags.GIVEN, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"apt-get, which is not on this machine.* DEBTAGS_PACKAGES=FILE"):
        debtags.fetch(tmp_path / "data", tmp_path / "cache")


def test_a_file_that_is_no_index_is_named(tmp_path: Path, given: Path) -> None:
    given.write_bytes(b"not gzip")
    with pytest.raises(SourceError, match=r"DEBTAGS_PACKAGES is .*Packages\.gz'.*cannot be read"):
        debtags.fetch(tmp_path / "data", tmp_path / "cache")
