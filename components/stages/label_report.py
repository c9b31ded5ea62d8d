"""Labels that are worth a second look, for the report: found from frozen features, without a look at the test side.

Each sample is judged by a linear discriminant that was fitted to the other folds. Nothing that is locked depends on it.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import linalg, special
from sklearn.covariance import ledoit_wolf

from components.data.dataset import Dataset
from components.errors import DataError
from components.evaluation.label_noise import doubtful
from components.params import Params
from components.problems.classification.only import class_names
from components.stages.domains import decided, learned
from components.stages.features import open_features
from components.stages.folds import deal
from components.storage.cells import escape
from components.storage.publish import write_bytes

FOLDS = 5
MOST = 20_000  # samples that are looked at: the covariance of so many takes seconds
LISTED = "doubtful-labels.csv"
COLUMNS = ("path", "id", "label", "likelier", "probability of the label", "probability of the likelier")


@dataclass(frozen=True)
class Doubt:
    """A sample whose label is less likely than another class."""

    path: str
    id: str
    label: str
    likelier: str
    of_label: float
    of_likelier: float


@dataclass(frozen=True)
class LabelReport:
    """Attributes:
    doubts: the most doubtful first.
    samples: how many were looked at, of how many `labelled` ones that are not the test side's.
    """

    doubts: Sequence[Doubt]
    samples: int
    labelled: int


def label_report(root: Path, params: Params) -> LabelReport:
    """Of the dataset and the features in the workspace `root`.

    Raises StorageError where features/ is missing or damaged, DataError where a class has too few samples.
    """
    dataset = Dataset.open(root / "dataset")
    classes = class_names(dataset.description, "The report on labels")
    sides = [learned(dataset, params.domains)]
    sides += [decided(dataset, side, params.domains) for side in ("validation", "calibration")]
    rows = np.concatenate([side.rows for side in sides])
    targets = np.concatenate([side.targets for side in sides])
    labelled = len(rows)
    if labelled > MOST:
        drawn = np.sort(np.random.default_rng(params.seed).choice(labelled, MOST, replace=False))
        rows, targets = rows[drawn], targets[drawn]
    ids, groups = dataset.ids(), dataset.groups()
    keys = np.array([groups[row] or ids[row] for row in rows])
    features = open_features(root / "features")[rows].astype(np.float64)
    probabilities = out_of_sample(features, targets, keys, len(classes), params.seed)
    found = doubtful(probabilities, targets)
    paths = dataset.table.column("path").to_pylist()
    doubts = []
    for row, other in zip(found.rows, found.likelier, strict=True):
        place, label = rows[row], targets[row]
        names = (paths[place], ids[place], classes[label], classes[other])
        doubts.append(Doubt(*names, float(probabilities[row, label]), float(probabilities[row, other])))
    return LabelReport(doubts, len(rows), labelled)


def out_of_sample(
    features: npt.NDArray[np.float64],
    targets: npt.NDArray[np.int64],
    keys: npt.NDArray[np.str_],
    classes: int,
    seed: int,
) -> npt.NDArray[np.float64]:
    """(N, classes): what a model says of each sample that met neither it nor another of its key.

    A linear discriminant whose one covariance, of all classes together, is shrunk after Ledoit and Wolf (2004): no
    parameter to choose, and a fifth of wrong labels moves its means a little, and their order hardly.
    """
    fewest = min(len(set(keys[targets == label])) for label in set(targets.tolist()))
    if fewest < 2:
        raise DataError("A class has one sample, or one group, that is not of the test side.")
    found = np.zeros((len(targets), classes))
    for rest, held in deal(targets, keys, min(FOLDS, fewest), seed):
        seen, answers = _discriminant(features[rest], targets[rest], features[held])
        found[np.ix_(held, seen)] = answers
    return found


def _discriminant(
    features: npt.NDArray[np.float64], targets: npt.NDArray[np.int64], asked: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The classes that were seen, and the probabilities of each for the samples `asked`.

    scikit-learn's discriminant estimates a shrunk covariance for each class, which takes as many times as long.
    """
    seen, member, counts = np.unique(targets, return_inverse=True, return_counts=True)
    means = np.stack([features[member == label].mean(axis=0) for label in range(len(seen))])
    apart = features - means[member]
    scale = apart.std(axis=0)
    scale[scale == 0] = 1.0  # a feature that is constant in each class
    covariance, _ = ledoit_wolf(apart / scale, assume_centered=True)
    try:
        solved = linalg.cho_solve(linalg.cho_factor(covariance), (means / scale).T)
    except linalg.LinAlgError:  # nothing varies within the classes
        solved = linalg.lstsq(covariance, (means / scale).T)[0]
    weights = solved / scale[:, None]
    offsets = np.log(counts / len(targets)) - (means.T * weights).sum(axis=0) / 2
    return seen, special.softmax(asked @ weights + offsets, axis=1)


def write_list(folder: Path, report: LabelReport) -> Path:
    """All of them, as a table for people."""
    sink = io.StringIO()
    rows = csv.writer(sink, lineterminator="\n")
    rows.writerow(COLUMNS)
    for doubt in report.doubts:
        names = (doubt.path, doubt.id, doubt.label, doubt.likelier)
        rows.writerow([*map(escape, names), f"{doubt.of_label:.4f}", f"{doubt.of_likelier:.4f}"])
    write_bytes(folder / LISTED, sink.getvalue().encode())
    return folder / LISTED
