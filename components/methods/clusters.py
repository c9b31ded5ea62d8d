"""Clusters: groups of like samples are told apart, as if they were classes.

Caron, Bojanowski, Joulin, Douze: Deep Clustering for Unsupervised Learning of Visual Features, ECCV 2018, eq. 1 and 2:
what the network says of the samples is reduced by PCA to at most 256 dimensions, whitened and scaled to length 1; then

    min_C Σ_n min_y ‖f_n - C y_n‖²         k-means: y_n, the cluster of sample n, is its pseudo-class
    min_θ,W Σ_n l(g_W(f_θ(x_n)), y_n)      the network learns to tell it

Each cluster weighs the same, as in section 3.3: a sample counts 1 / size of its cluster. The paper clusters again after
each epoch, from random weights on. Here, from pretrained ones, it is done once: the pseudo-classes are those of the
features at the start, and the head that tells them is thrown away.
"""

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from components.errors import DataError
from components.methods.pretraining import Features, Given, Known, Posed, Pretraining, seeded
from components.methods.samples import Asked, Indices, Samples

Rows = npt.NDArray[np.float64]
DIMENSIONS = 256
# Directions in which features hardly differ hold noise, which whitening would blow up.
SMALLEST = 1e-4


class Clusters(Pretraining):
    """Answers 'what is learned beforehand?': which groups there are."""

    sees = "all"

    def check(self, known: Known) -> None:
        count, samples = self._params.clusters, len(known.targets[0])
        if count > samples:
            raise DataError(
                f"pretrain.clusters is {count}, but there are {samples} training samples.", "Lower it."
            )

    def pose(self, given: Given) -> Posed:
        count = self._params.clusters
        train, validation = clustered(*given.features(), count, given.seed)
        sizes = np.bincount(train, minlength=count)
        present = np.count_nonzero(sizes)
        weights = len(train) / (present * sizes[train])
        head = seeded(given.seed, lambda: nn.Linear(given.width, count))
        return Posed(
            Renamed(given.train, train),
            Renamed(given.validation, validation),
            head,
            torch.from_numpy(weights).float(),
        )


class Renamed(Asked):
    """Samples with classes of their own."""

    def __init__(self, samples: Samples, classes: Indices) -> None:
        super().__init__(samples)
        self._classes = classes

    @property
    def targets(self) -> Indices:
        return self._classes

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return torch.from_numpy(self._classes[indices])


def clustered(train: Features, validation: Features, count: int, seed: int) -> tuple[Indices, Indices]:
    """The cluster of each sample, (N,) and (M,); the training samples alone decide what clusters there are."""
    mean = train.mean(axis=0, dtype=np.float64)
    if not np.ptp(train, axis=0).any():
        raise DataError(
            f"pretrain.method 'clusters': the features of all {len(train)} training samples are the same, so there "
            "are no groups to tell apart.",
            "Check that the samples differ and that the checkpoint fits backbone.name, or set pretrain.method: none.",
        )
    basis = _whitening(train - mean)
    # Several threads would add up in the order in which they end.
    with threadpool_limits(1):
        model = KMeans(count, n_init=1, random_state=seed).fit(_unit((train - mean) @ basis))
        found = model.labels_, model.predict(_unit((validation - mean) @ basis))
    return cast(tuple[Indices, Indices], tuple(labels.astype(np.int64) for labels in found))


def _whitening(centred: Rows) -> Rows:
    """(width, dimensions): onto the directions of largest variance, which becomes 1."""
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(centred) - 1, 1))
    kept = np.flatnonzero(values > SMALLEST * values[-1])[-DIMENSIONS:]
    scaled: Rows = vectors[:, kept] / np.sqrt(values[kept])
    return scaled


def _unit(rows: Rows) -> Rows:
    scaled: Rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled
