from pathlib import Path

import numpy as np
import pytest

from components.errors import StorageError
from components.stages.features import open_features

PLACES = np.array([0, -1, 1, 2, -1])


def written(folder: Path) -> Path:
    np.save(folder / "features.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    np.save(folder / "places.npy", PLACES)
    return folder


def test_features_are_had_by_the_manifest_s_rows(tmp_path: Path) -> None:
    features = open_features(written(tmp_path))
    assert features.width == 2
    assert features[np.array([3, 0])].tolist() == [[4, 5], [0, 1]]


def test_a_test_sample_has_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none of 1 samples; test samples never have features"):
        open_features(written(tmp_path))[np.array([0, 1])]


@pytest.mark.parametrize("name", ["features.npy", "places.npy"])
def test_cut_or_foreign_features_are_said_to_be_damaged(tmp_path: Path, name: str) -> None:
    path = written(tmp_path) / name
    whole = path.read_bytes()
    for data in (whole[:-4], whole[:60], b"", b"no array"):
        path.write_bytes(data)
        with pytest.raises(StorageError, match=rf"{name} is damaged: .*Run: dvc repro -f extract_features"):
            open_features(tmp_path)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StorageError, match="is damaged"):
        open_features(tmp_path)
