"""Which samples are worth a label most: those that the model is unsure of, and of these not many that are alike."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.monitoring.observed import Observed
from components.problems.operation import Watch
from components.storage.cells import escape

POOL = 5  # times as many unsure samples are looked at as are listed


@dataclass(frozen=True)
class Worth:
    """A sample to be labelled: the model decided `decision`; `sure` says how sure it is, by names of the problem."""

    id: str
    decision: str
    sure: Mapping[str, float]


def worth_labelling(observed: Observed, watch: Watch, count: int) -> list[Worth]:
    """The `count` samples whose labels promise most, the first one most.

    Of the POOL · count least sure, by what the problem calls sure, the first is the least sure, each further one is the
    farthest from all before it in the space of embeddings: the greedy k-centre of Sener & Savarese ("Active Learning
    for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018, algorithm 1). Without embeddings the least sure
    are taken as they come. Where the problem cannot tell how sure it is, all samples are looked at.

    Labels of these tell little about the accuracy of all: they were chosen for being hard.
    """
    sure = watch.certainty(observed.answers)
    rows = np.arange(len(observed)) if sure is None else np.argsort(sure.order, kind="stable")
    if len(observed.embeddings):
        rows = rows if sure is None else rows[: POOL * count]
        rows = rows[_spread(observed.embeddings[rows], count)]
    columns = {} if sure is None else sure.columns
    return [
        Worth(
            observed.ids[row], observed.decided[row], {k: float(values[row]) for k, values in columns.items()}
        )
        for row in rows[:count]
    ]


def to_csv(listed: Sequence[Worth], fields: Sequence[str]) -> str:
    """A table whose columns `fields` wait for a person; `flows.monitor --labels` takes it back."""
    sink = io.StringIO()
    written = csv.writer(sink, lineterminator="\n")
    written.writerow(["rank", "id", *fields, "decision", *(listed[0].sure if listed else ())])
    for rank, worth in enumerate(listed, 1):
        values = (f"{value:.4f}" for value in worth.sure.values())
        written.writerow([rank, escape(worth.id), *[""] * len(fields), escape(worth.decision), *values])
    return sink.getvalue()


def _spread(points: npt.NDArray[np.float32], count: int) -> list[int]:
    """Greedy k-centre from the first point on: rows of `points` (N, width)."""
    chosen: list[int] = []
    nearest = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = -1.0  # equal points are different samples
    return chosen
