from pathlib import Path

import numpy as np
import pytest

from components.errors import StorageError
from components.stages.features import open_features


def test_cut_or_foreign_features_are_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.ones((40, 8), np.float32))
    assert open_features(tmp_path).shape == (40, 8)
    whole = path.read_bytes()
    for data in (whole[:-100], whole[:60], b"", b"no array"):
        path.write_bytes(data)
        with pytest.raises(
            StorageError, match=r"features\.npy is damaged: .*Run: dvc repro -f extract_features"
        ):
            open_features(tmp_path)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StorageError, match="is damaged"):
        open_features(tmp_path)
