"""Which samples are worth a label most: those that the model is unsure of, and of these not many that are alike."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.monitoring.observed import Observed
from components.storage.cells import escape

POOL = 5  # times as many unsure samples are looked at as are listed
COLUMNS = ("rank", "id", "label", "decision", "confidence", "margin")


@dataclass(frozen=True)
class Worth:
    """A sample to be labelled: the model decided `decision`, with that confidence, by that margin."""

    id: str
    decision: str
    confidence: float
    margin: float


def worth_labelling(observed: Observed, count: int) -> list[Worth]:
    """The `count` samples whose labels promise most, the first one most.

    Unsure is who has a small margin (Scheffer, Decomain & Wrobel, "Active Hidden Markov Models for Information
    Extraction", IDA 2001): between the two best probabilities or, where a threshold decides, from that. Of the
    POOL · count least sure, the first is the least sure, each further one is the farthest from all before it in the
    space of embeddings: the greedy k-centre of Sener & Savarese ("Active Learning for Convolutional Neural Networks:
    A Core-Set Approach", ICLR 2018, algorithm 1). Without embeddings the least sure are taken as they come.

    Labels of these tell little about the accuracy of all: they were chosen for being hard.
    """
    margins = margin(observed)
    unsure = np.argsort(margins, kind="stable")
    if len(observed.embeddings):
        unsure = unsure[: POOL * count]
        unsure = unsure[_spread(observed.embeddings[unsure], count)]
    return [
        Worth(
            observed.ids[row],
            observed.classes[observed.decisions[row]],
            float(observed.confidence[row]),
            float(margins[row]),
        )
        for row in unsure[:count]
    ]


def margin(observed: Observed) -> npt.NDArray[np.float64]:
    """(N,) how far each is from another decision."""
    positive, threshold = observed.about.get("positive"), observed.about.get("threshold")
    if len(observed.classes) == 2 and isinstance(positive, int) and isinstance(threshold, float):
        return np.abs(observed.probabilities[:, positive].astype(np.float64) - threshold)
    rising = np.sort(observed.probabilities.astype(np.float64), axis=1)
    return np.asarray(rising[:, -1] - rising[:, -2] if rising.shape[1] > 1 else rising[:, -1])


def to_csv(listed: list[Worth]) -> str:
    """A table whose column `label` waits for a person; `flows.monitor --labels` takes it back."""
    sink = io.StringIO()
    written = csv.writer(sink, lineterminator="\n")
    written.writerow(COLUMNS)
    for rank, worth in enumerate(listed, 1):
        values = (f"{worth.confidence:.4f}", f"{worth.margin:.4f}")
        written.writerow([rank, escape(worth.id), "", escape(worth.decision), *values])
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
