"""advise reads features alone, and says so when there are none."""

import json

import numpy as np
import pytest
from training_workspace import Workspace

from components.data.dataset import Dataset
from components.errors import StorageError
from components.stages.advise import advise
from components.storage.publish import sha256_bytes


def write_features(workspace: Workspace, distance: float) -> None:
    """Two blobs as far apart as asked for, by class."""
    dataset = Dataset.open(workspace.root / "dataset")
    features = np.random.default_rng(0).normal(size=(len(dataset), 6)).astype(np.float32)
    features[:, 0] += distance * dataset.targets()
    folder = workspace.root / "features"
    folder.mkdir(exist_ok=True)
    np.save(folder / "features.npy", features)
    digest = sha256_bytes("\n".join(dataset.ids()).encode())
    (folder / "features.json").write_text(json.dumps({"ids_sha256": digest}))


def scores(workspace: Workspace) -> list[float]:
    (line,) = (
        line for line in advise(workspace.root, workspace.params) if line.startswith("efficientnet_lite0")
    )
    return [float(word) for word in line.split()[1:]]


def test_better_features_score_better(workspace: Workspace) -> None:
    write_features(workspace, 0.3)
    weak = scores(workspace)
    write_features(workspace, 5.0)
    strong = scores(workspace)
    assert all(a < b for a, b in zip(weak, strong, strict=True))
    assert weak[2] < 0.7 < strong[2]
    dataset = Dataset.open(workspace.root / "dataset")
    assert next(iter(advise(workspace.root, workspace.params))).startswith(
        f"Training samples: {len(dataset.ids('train'))} ("
    )


def test_missing_and_foreign_features_are_refused(workspace: Workspace) -> None:
    (workspace.root / "features" / "features.json").unlink(missing_ok=True)
    with pytest.raises(StorageError, match="features/ cannot be read"):
        list(advise(workspace.root, workspace.params))
    write_features(workspace, 1.0)
    (workspace.root / "features" / "features.json").write_text('{"ids_sha256": "x"}')
    with pytest.raises(StorageError, match="other data"):
        list(advise(workspace.root, workspace.params))
