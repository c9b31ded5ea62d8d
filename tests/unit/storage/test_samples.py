"""The sample store: records come back as they went in, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from components.errors import StorageError
from components.storage.samples import SampleStore, Space

SPACE = Space("weights", "below-3", "preprocessing", (2, 3), "float16")


def records(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2, 3)).astype("float16")


def test_records_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    store, values = SampleStore(tmp_path), records(5)
    store.add(SPACE, list("abc"), values[:3])
    store.add(SPACE, list("de"), values[3:])
    view = store.read(SPACE, ["e", "a", "c"])
    assert len(view) == 3
    np.testing.assert_array_equal(view[np.array([0, 1, 2])], values[[4, 0, 2]])


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    store.add(SPACE, ["a"], records(1))
    assert store.missing(SPACE, ["b", "a", "c"]) == ["b", "c"]
    other = Space("other weights", SPACE.cut, SPACE.preprocessing, SPACE.shape, SPACE.dtype)
    assert store.missing(other, ["a"]) == ["a"]


def test_a_flipped_bit_is_found_and_the_shard_is_computed_again(tmp_path: Path) -> None:
    store, values = SampleStore(tmp_path), records(2)
    store.add(SPACE, ["a", "b"], values)
    shard = next(tmp_path.rglob("*.bin"))
    damaged = bytearray(shard.read_bytes())
    damaged[-1] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(StorageError, match="damaged"):
        store.read(SPACE, ["a", "b"])
    assert store.missing(SPACE, ["a", "b"]) == ["a", "b"]
    store.add(SPACE, ["a", "b"], values)
    np.testing.assert_array_equal(store.read(SPACE, ["b"])[np.array([0])], values[1:])


def test_a_truncated_shard_or_index_counts_as_missing(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    store.add(SPACE, ["a"], records(1))
    store.add(SPACE, ["b"], records(1, seed=1))
    first, second = sorted(tmp_path.rglob("*.bin"))
    first.write_bytes(first.read_bytes()[:-1])
    second.with_suffix(".json").write_text("[")
    assert store.missing(SPACE, ["a", "b"]) == ["a", "b"]


def test_records_that_do_not_fit_the_space_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="do not fit"):
        SampleStore(tmp_path).add(SPACE, ["a"], np.zeros((1, 3, 2), "float16"))
