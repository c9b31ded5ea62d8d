import resource
from pathlib import Path

import numpy as np
import pytest
from training_workspace import Workspace

from components.ending import guarded
from components.errors import StorageError
from components.stages import extract_features
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


def test_a_full_disk_is_said_with_what_helps(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit on file size stands for the full disk. numpy's own error does not say what the system refused."""
    inputs = workspace.inputs("dataset", "adapted")

    def extract(folder: str) -> int:
        outputs = workspace.output("features", folder)
        extract_features.run(inputs, outputs, workspace.params, workspace.context)
        return 0

    assert extract("features-whole") == 0  # from here on the store has every record
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        assert guarded(lambda: extract("features-cut")) == 14
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: Only ")
    assert "could be written to a file. Free some room" in last
