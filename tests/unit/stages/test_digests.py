"""Within a flow a file is hashed once, and again as soon as somebody wrote to it; outside of one, always."""

import hashlib
import os
from pathlib import Path

import pytest

from components.stages import digests
from components.stages.digests import REMEMBERED, sha256_files


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were really read."""
    read: list[str] = []

    def noted(path: Path) -> str:
        read.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(digests, "sha256_file", noted)
    monkeypatch.setattr(digests, "SETTLED_SECONDS", -60.0)  # files of a test are young
    return read


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(REMEMBERED, str(tmp_path / "home" / "digests.jsonl"))
    return tmp_path


def files(folder: Path) -> list[Path]:
    for name in "ab":
        (folder / name).write_text(f"the bytes of {name}")
    return [folder / "a", folder / "b"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_in_a_flow_each_file_is_read_once(flow: Path, hashed: list[str]) -> None:
    made = files(flow)
    expected = [digest("the bytes of a"), digest("the bytes of b")]
    assert [sha256_files(made), sha256_files(made[::-1])] == [expected, expected[::-1]]
    assert sorted(hashed) == ["a", "b"]


def test_a_flipped_bit_is_seen_although_size_and_mtime_are_as_before(flow: Path, hashed: list[str]) -> None:
    first, second = files(flow)
    sha256_files([first, second])
    before = first.stat()
    first.write_text("the bytes of c")
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sha256_files([first, second]) == [digest("the bytes of c"), digest("the bytes of b")]
    assert sorted(hashed) == ["a", "a", "b"]


def test_a_file_that_takes_anothers_place_is_seen(flow: Path, hashed: list[str]) -> None:
    first, second = files(flow)
    sha256_files([first])
    second.replace(first)
    assert sha256_files([first]) == [digest("the bytes of b")]


def test_what_is_young_is_read_again(flow: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SETTLED_SECONDS", 60.0)
    made = files(flow)
    sha256_files(made)
    sha256_files(made)
    assert sorted(hashed) == ["a", "a", "b", "b"]


def test_outside_of_a_flow_nothing_is_remembered(
    flow: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = files(flow)
    sha256_files(made)
    monkeypatch.delenv(REMEMBERED)
    sha256_files(made)
    assert sorted(hashed) == ["a", "a", "b", "b"]


def test_half_a_line_is_passed_over(flow: Path, hashed: list[str]) -> None:
    made = files(flow)
    sha256_files(made)
    kept = flow / "home" / "digests.jsonl"
    kept.write_bytes(kept.read_bytes()[:-9])
    assert sha256_files(made) == [digest("the bytes of a"), digest("the bytes of b")]
