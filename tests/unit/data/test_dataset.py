import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pictures import Build, two_classes, write

from components.data.dataset import Dataset
from components.errors import DataError, StorageError


@pytest.fixture
def folder(tmp_path: Path, build: Build) -> Path:
    build(write(tmp_path / "src", two_classes()), tmp_path / "out")
    return tmp_path / "out"


def test_sides_are_parts_of_the_whole(folder: Path) -> None:
    data = Dataset.open(folder)
    parts = [data.ids(side) for side in ("train", "validation", "calibration", "test")]
    assert sorted(name for part in parts for name in part) == data.ids()
    assert data.targets().dtype == np.int64
    assert len(data.targets("test")) == len(parts[3]) == len(data.groups("test"))
    labels = data.table.column("label").to_pylist()
    assert [data.description["classes"][target] for target in data.targets()] == labels
    with pytest.raises(DataError, match="'val' is not a split"):
        data.ids("val")


def test_reading_needs_no_pandas(folder: Path) -> None:
    """It takes a second to import, in each stage, and pyarrow does so whenever it may."""
    code = (
        "import sys; from pathlib import Path; from components.data.dataset import Dataset;"
        "d = Dataset.open(Path(sys.argv[1])); d.targets('train'); d.slices(); d.read(d.ids()[0]);"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 0


def test_many_threads_read_the_same_bytes(folder: Path) -> None:
    data = Dataset.open(folder)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(data.read, data.ids() * 20))
    assert found == [data.read(name) for name in data.ids()] * 20


def test_a_flipped_bit_is_found_when_it_is_read(folder: Path) -> None:
    data = Dataset.open(folder)
    row = data.table.to_pylist()[0]
    shard = folder / "shards" / row["shard"]
    raw = bytearray(shard.read_bytes())
    raw[row["offset"] + 40] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(StorageError, match=r"damaged at sample .*pull --force dataset"):
        data.read(row["id"])


def test_missing_and_foreign_files_are_refused(folder: Path, tmp_path: Path, build: Build) -> None:
    build(write(tmp_path / "other", two_classes(60)), tmp_path / "out2")
    (tmp_path / "out2" / "manifest.parquet").rename(folder / "manifest.parquet")
    with pytest.raises(StorageError, match="not the one that was written"):
        Dataset.open(folder)
    (folder / "manifest.parquet").unlink()
    with pytest.raises(StorageError, match="does not exist"):
        Dataset.open(folder)
    (folder / "dataset.json").write_text('{"format": 2}')
    (folder / "manifest.parquet").write_bytes(b"PAR1")
    with pytest.raises(StorageError, match="is damaged"):
        Dataset.open(folder)


def test_unknown_ids_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="holds no sample"):
        Dataset.open(folder).read("0" * 64)


def test_a_dataset_of_an_earlier_format_is_named_with_the_command(folder: Path) -> None:
    path = folder / "dataset.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in said.items() if key != "format"}))
    with pytest.raises(StorageError, match=r"has format 1, this version reads 2.*dvc repro version_data"):
        Dataset.open(folder)
