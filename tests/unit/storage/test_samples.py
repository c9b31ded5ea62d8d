"""The sample store: records come back as they went in, or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import StorageError
from components.storage.publish import sha256_bytes
from components.storage.samples import Field, SampleStore, Space

SPACE = Space("weights", "below-3", "preprocessing", Field("maps", (2, 3), "float16"))
TYPES = ("float16", "float32", "int64", "uint8")


def values_of(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2, 3)).astype("float16")


def test_records_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    store, values = SampleStore(tmp_path), values_of(5)
    store.add(SPACE, list("abc"), values[:3])
    store.add(SPACE, list("de"), values[3:])
    view = store.read(SPACE, ["e", "a", "c"])
    assert len(view) == 3
    np.testing.assert_array_equal(view[np.array([0, 1, 2])], values[[4, 0, 2]])


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    store.add(SPACE, ["a"], values_of(1))
    assert store.keys(SPACE) == {"a"}
    for other in (replace(SPACE, backbone="others"), replace(SPACE, field=Field("fine", (2, 3), "float16"))):
        assert not store.keys(other)


def test_a_view_says_what_is_not_there_and_gives_the_rest(tmp_path: Path) -> None:
    store, values = SampleStore(tmp_path), values_of(2)
    store.add(SPACE, ["a", "b"], values)
    view = store.read(SPACE, ["b", "c", "a"])
    assert view.there.tolist() == [True, False, True]
    np.testing.assert_array_equal(view[np.array([2, 0])], values)
    with pytest.raises(StorageError, match="1 records are not in the store"):
        view[np.array([0, 1])]


def test_a_space_has_the_name_that_filled_stores_know(tmp_path: Path) -> None:
    """Of format 2 since it held one tensor or several: nothing is computed again."""
    told = {"backbone": "w", "cut": "below-3", "preprocessing": "p", "format": 2}
    told["fields"] = [{"dtype": "float32", "name": "pooled", "shape": [5]}]
    space = Space("w", "below-3", "p", Field("pooled", (5,), "float32"))
    assert space.digest == sha256_bytes(json.dumps(told, sort_keys=True).encode())


def test_a_flipped_bit_is_found_and_the_shard_is_computed_again(tmp_path: Path) -> None:
    store, values = SampleStore(tmp_path), values_of(2)
    store.add(SPACE, ["a", "b"], values)
    shard = next(tmp_path.rglob("*.bin"))
    damaged = bytearray(shard.read_bytes())
    damaged[-1] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(StorageError, match="damaged"):
        store.read(SPACE, ["a", "b"])
    assert not store.keys(SPACE)
    store.add(SPACE, ["a", "b"], values)
    np.testing.assert_array_equal(store.read(SPACE, ["b"])[np.array([0])], values[1:])


def test_a_truncated_shard_or_index_counts_as_missing(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    store.add(SPACE, ["a"], values_of(1))
    store.add(SPACE, ["b"], values_of(1, seed=1))
    first, second = sorted(tmp_path.rglob("*.bin"))
    first.write_bytes(first.read_bytes()[:-1])
    second.with_suffix(".json").write_text("[")
    assert not store.keys(SPACE)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 3, 2), "float16"),
        np.zeros((1, 2, 3), "float32"),
        np.zeros((2, 2, 3), "float16"),
    ],
)
def test_records_that_do_not_fit_the_space_are_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    with pytest.raises(StorageError, match="do not fit"):
        SampleStore(tmp_path).add(SPACE, ["a"], wrong)


def test_numbers_of_another_precision_are_no_field() -> None:
    with pytest.raises(StorageError, match="maps is float64; records hold float32, float16 or whole numbers"):
        Field("maps", (2,), "float64")


SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)
FIELDS = st.builds(Field, st.text("abcxyz_", min_size=1, max_size=5), SHAPES, st.sampled_from(TYPES))


@given(field=FIELDS, count=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_records_come_back_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory, field: Field, count: int, seed: int
) -> None:
    draw, space = np.random.default_rng(seed), Space("w", "c", "p", field)
    size = (count, *field.shape)
    raw = draw.integers(0, 256, size=(*size, np.dtype(field.dtype).itemsize), dtype=np.uint8)
    made = raw.view(field.dtype).reshape(size)  # every pattern of bits, NaN too
    keys = [f"key {number}" for number in range(count)]
    store = SampleStore(tmp_path_factory.mktemp("store"))
    store.add(space, keys, made)
    order = draw.permutation(count)
    found = store.read(space, keys)[order]
    assert found.dtype == made.dtype
    assert found.tobytes() == made[order].tobytes()


def test_a_store_of_another_format_is_computed_again_and_never_misread(tmp_path: Path) -> None:
    """Format 1 had a list of records as index, and one array without a name; its bytes could be taken for these."""
    store, rows = SampleStore(tmp_path), values_of(1)
    store.add(SPACE, ["a"], rows)
    (folder,) = tmp_path.iterdir()
    (index,) = folder.glob("*.json")
    for other in (json.loads(index.read_text())["records"], {"format": 3, "records": [{"key": "a"}]}, 7):
        for path in list(folder.iterdir()):
            path.unlink()
        data = json.dumps(other).encode()
        (folder / f"{sha256_bytes(data)}.json").write_bytes(data)
        (folder / f"{sha256_bytes(data)}.bin").write_bytes(rows.tobytes())
        assert not store.keys(SPACE)


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from components.storage import samples
from components.storage.samples import Field, SampleStore, Space
write, left = samples.write_bytes, [int(sys.argv[2])]
def dying(path, data):
    if left[0] == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".{path.name}.half").write_bytes(bytes(data)[: len(data) // 2])
        os.kill(os.getpid(), 9)
    left[0] -= 1
    write(path, data)
samples.write_bytes = dying
space = Space("w", "c", "p", Field("maps", (3,), "float16"))
SampleStore(Path(sys.argv[1])).add(space, ["a", "b"], np.ones((2, 3), "float16"))
"""


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_shard_is_there_whole_or_not_at_all(tmp_path: Path, writes: int) -> None:
    """Killed before the data, between data and index, and not at all."""
    words = [sys.executable, "-c", KILLED, str(tmp_path), str(writes)]
    done = subprocess.run(words, capture_output=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    assert done.returncode == (-9 if writes < 2 else 0), done.stderr
    store, space = SampleStore(tmp_path), Space("w", "c", "p", Field("maps", (3,), "float16"))
    assert store.keys(space) == (set() if writes < 2 else {"a", "b"})
    store.add(space, ["a", "b"], np.ones((2, 3), "float16"))  # the same work again
    assert store.read(space, ["b"])[np.array([0])].tolist() == [[1, 1, 1]]
