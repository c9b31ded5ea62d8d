"""advise: what the features at hand say about the task, before anything is trained."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.errors import StorageError
from components.evaluation.transferability import h_score, log_me, mmd, nearest_neighbours, proxy_a_distance
from components.params import Params
from components.params.names import SEES
from components.storage.publish import read_json, sha256_bytes

MOST = 4000  # samples that are looked at; more change the figures little and cost the square
FEWEST = 20  # samples that a domain must have
Features = npt.NDArray[np.float32]


def advise(root: Path, params: Params) -> Iterator[str]:
    """Lines for people. Reads dataset/ and features/ only, and neither test nor calibration samples.

    Raises StorageError where features are missing, or of other data.
    """
    dataset = Dataset.open(root / "dataset")
    features, targets, rows = _training(root, dataset)
    counts = Counter(dataset.classes[target] for target in targets)
    held = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    yield f"Training samples: {len(targets)} ({held})"
    yield ""
    yield f"{'backbone':<22} {'LogME':>8} {'H-score':>8} {'k-NN':>8}"
    some = _some(len(targets))
    chosen, known = features[some], targets[some]
    scores = log_me(chosen, known), h_score(chosen, known), nearest_neighbours(chosen, known)
    yield f"{params.backbone.name:<22} {scores[0]:8.3f} {scores[1]:8.3f} {scores[2]:8.3f}"
    others = [
        n for n, sees in SEES.items() if sees == SEES[params.backbone.name] and n != params.backbone.name
    ]
    if others:
        yield f"Without features here: {', '.join(others)}. Set backbone.name, run `dvc repro extract_features`."
    yield "LogME and H-score: higher is better, between backbones on the same data. k-NN: balanced accuracy of the"
    yield "five nearest training samples; 1 / classes is chance."
    yield from _domains(dataset, features, rows)


def _training(root: Path, dataset: Dataset) -> tuple[Features, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features and targets of the training side, and their rows in the manifest."""
    try:
        described = read_json(root / "features" / "features.json")
        features = np.load(root / "features" / "features.npy", mmap_mode="r")
    except (OSError, ValueError, StorageError) as error:
        raise StorageError(f"features/ cannot be read: {error}", "Run: dvc repro extract_features") from None
    if described.get("ids_sha256") != sha256_bytes("\n".join(dataset.ids()).encode()):
        raise StorageError("features/ belongs to other data.", "Run: dvc repro extract_features")
    sides = np.array(dataset.table.column("split").to_pylist())
    rows = np.flatnonzero(sides == "train")
    return np.asarray(features[rows]), dataset.targets("train"), rows


def _domains(dataset: Dataset, features: Features, rows: npt.NDArray[np.int64]) -> Iterator[str]:
    """Distances between the values of the domain column, or else of each slice."""
    domains = np.array(dataset.table.column("domain").to_pylist())[rows]
    columns = {"domain": domains} if any(domains) else dataset.slices("train")
    for column, values in columns.items():
        counts = Counter(values.tolist())
        names = [name for name, count in sorted(counts.items()) if count >= FEWEST]
        for number, first in enumerate(names):
            for second in names[number + 1 :]:
                a, b = features[values == first], features[values == second]
                yield ""
                yield f"{column}: {first} ({len(a)}) and {second} ({len(b)})"
                yield f"  proxy A-distance {proxy_a_distance(a, b):.2f} (0: alike, 2: told apart without a mistake)"
                yield f"  MMD² {mmd(a, b):.4f} (0: alike)"


def _some(count: int) -> npt.NDArray[np.int64]:
    if count <= MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST, replace=False))
