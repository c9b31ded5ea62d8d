from pathlib import Path

import pytest

from components.data.shards import ShardWriter, compact, offsets, shard_name
from components.errors import StorageError


def fill(folder: Path, samples: dict[str, bytes]) -> Path:
    with ShardWriter(folder) as shards:
        for name in sorted(samples):
            shards.add(name, samples[name])
    return folder


SAMPLES = {"0a": b"one", "0b": b"three", "f0": b"2", "0c": b"four"}


def test_a_sample_lies_where_the_offsets_say(tmp_path: Path) -> None:
    folder = fill(tmp_path, SAMPLES)
    places = offsets({name: len(payload) for name, payload in SAMPLES.items()})
    assert places == {"0a": 0, "0b": 3, "0c": 8, "f0": 0}
    for name, payload in SAMPLES.items():
        assert (folder / shard_name(name)).read_bytes()[places[name] :].startswith(payload)
    assert len(list(folder.iterdir())) == 16


def test_dropping_a_sample_leaves_no_trace(tmp_path: Path) -> None:
    dropped = fill(tmp_path / "one", SAMPLES)
    compact(dropped, {name: len(payload) for name, payload in SAMPLES.items()}, ["0b", "f0"])
    never = fill(tmp_path / "two", {"0a": b"one", "0c": b"four"})
    for file in never.iterdir():
        assert (dropped / file.name).read_bytes() == file.read_bytes()
    assert {file.name for file in dropped.iterdir()} == {file.name for file in never.iterdir()}


def test_disorder_is_refused(tmp_path: Path) -> None:
    with ShardWriter(tmp_path) as shards:
        shards.add("b", b"")
        with pytest.raises(StorageError, match="in the order"):
            shards.add("a", b"")
