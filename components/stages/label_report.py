"""Labels that are worth a second look, for the report: found from frozen features, without a look at the test side.

Each sample is judged by a quick model that was fitted to the other folds; what a doubt is, the problem says. Nothing
that is locked depends on it.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.errors import DataError
from components.params import Params
from components.problems.base import Array, Targets
from components.problems.operation import Explore, explore
from components.stages.artefacts import require
from components.stages.domains import decided, learned
from components.stages.features import open_features
from components.stages.folds import deal
from components.storage.cells import escape
from components.storage.publish import write_bytes

FOLDS = 5
MOST = 20_000  # samples that are looked at: the covariance of so many takes seconds
LISTED = "doubtful-labels.csv"


@dataclass(frozen=True)
class Doubted:
    """A sample whose label is doubtful; `cells` are what the report's `columns` are of."""

    path: str
    id: str
    cells: Sequence[str]


@dataclass(frozen=True)
class LabelReport:
    """Attributes:
    doubts: the most doubtful first.
    columns: of what is said of each.
    method: how they were found, as a part of a sentence about them.
    samples: how many were looked at, of how many `labelled` ones that are not the test side's.
    """

    doubts: Sequence[Doubted]
    columns: Sequence[str]
    method: str
    samples: int
    labelled: int


def label_report(root: Path, params: Params) -> LabelReport:
    """Of the dataset and the features in the workspace `root`.

    Raises StorageError where features/ is missing or damaged, DataError where there are too few samples, ParamsError
    where the problem does not say what a doubtful label is.
    """
    require(root, ["dataset", "features"], "the report on labels")
    dataset = Dataset.open(root / "dataset")
    asks = explore(params.task, dataset.description, "The report on labels")
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
    said = out_of_sample(asks, (features, targets), (dataset.target.codes(targets), keys), params.seed)
    paths = dataset.table.column("path").to_pylist()
    doubts = [
        Doubted(paths[rows[doubt.row]], ids[rows[doubt.row]], doubt.cells)
        for doubt in asks.doubts(said, targets)
    ]
    return LabelReport(doubts, asks.columns, asks.method, len(rows), labelled)


def out_of_sample(
    asks: Explore,
    samples: tuple[Array, Targets],
    dealt: tuple[npt.NDArray[np.int64], npt.NDArray[np.str_]],
    seed: int,
) -> Array:
    """(N, …): what a model says of each of `samples`, features and targets, that met neither it nor another of its key.

    Args:
        dealt: codes (N,), which are dealt evenly to the folds, and keys (N,).
    """
    (features, targets), (codes, keys) = samples, dealt
    fewest = min(len(set(keys[codes == code])) for code in set(codes.tolist()))
    if fewest < 2:
        raise DataError(
            "A class or label has one sample, or one group, that is not of the test side: nothing can be said of it by "
            "others.",
            "Add samples.",
        )
    parts, places = [], []
    for rest, held in deal(codes, keys, min(FOLDS, fewest), seed):
        parts.append(asks.predict(features[rest], targets[rest], features[held]))
        places.append(held)
    found = np.concatenate(parts)
    return np.asarray(found[np.argsort(np.concatenate(places))])


def write_list(folder: Path, report: LabelReport) -> Path:
    """All of them, as a table for people."""
    sink = io.StringIO()
    rows = csv.writer(sink, lineterminator="\n")
    rows.writerow(["path", "id", *report.columns])
    rows.writerows([escape(cell) for cell in (doubt.path, doubt.id, *doubt.cells)] for doubt in report.doubts)
    write_bytes(folder / LISTED, sink.getvalue().encode())
    return folder / LISTED
