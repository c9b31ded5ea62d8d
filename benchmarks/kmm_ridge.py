"""What the ridge of kernel mean matching does on real features: how well means match, how noisy weights are, AUROC.

Pairs: the demo's frozen features, from one type of cell to the other, and from one half of a type to the other half,
where nothing differs; scikit-learn's breast cancer data, of which the source is a selection by the first principal
component, as in the paper's experiments. Weights are found by half of the target's samples; the means of the other half
are compared with, and the head is asked about all. The test side is not read, and training sees no label of the target.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.heads import load_head
from components.heads.base import Samples
from components.methods.importance import (
    DIMENSIONS,
    drawn,
    effective_samples,
    gaussian,
    median_distance,
)
from components.methods.kmm import match
from components.params.learning import HeadParams
from components.params.task import TaskParams
from components.problems.classification.judge.metrics import area
from components.problems.classification.network import Network
from components.stages.features import open_features

RIDGES = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
DRAWS = 5
L2 = 0.1
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
TWO = Network(TaskParams(), {"problem": "classification", "classes": ["0", "1"]})


@dataclass(frozen=True)
class Pair:
    """Labelled features (N, width), and which of them are source and target."""

    name: str
    features: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int64]
    source: Indices
    target: Indices


def pairs(draw: np.random.Generator) -> Iterator[Pair]:
    dataset = Dataset.open(ROOT / "dataset")
    table = dataset.table
    used = np.array(table.column("split").to_pylist()) != "test"
    features = open_features(ROOT / "features")[used]
    targets = dataset.targets()[used]
    kinds = np.array(table.column("slice.type").to_pylist())[used]
    of = {kind: draw.permutation(np.flatnonzero(kinds == kind)) for kind in ("mono", "poly")}
    halves = {kind: np.array_split(rows, 2) for kind, rows in of.items()}
    yield Pair("mono to poly", features, targets, halves["mono"][0], of["poly"])
    yield Pair("poly to mono", features, targets, halves["poly"][0], of["mono"])
    for kind, (source, target) in halves.items():
        yield Pair(f"{kind} to {kind}", features, targets, source, target)
    yield _selected(draw)


def _selected(draw: np.random.Generator) -> Pair:
    """Those count for the source that are near one standard deviation below the mean, and 3 % of the others."""
    rows, targets = load_breast_cancer(return_X_y=True)
    features = StandardScaler().fit_transform(rows).astype(np.float32)
    place = PCA(1).fit_transform(features)[:, 0]
    pool, target = np.array_split(draw.permutation(len(rows)), 2)
    likely = np.maximum(np.exp(-2 * (place[pool] / place.std() + 1) ** 2), 0.03)
    source = pool[draw.random(len(pool)) < likely]
    return Pair("breast cancer, selected", features, targets.astype(np.int64), source, target)


def measure(pair: Pair) -> dict[str, list[float]]:
    """Ridge → distance of means (share of that without weights), mean |weight - 1|, effective share, gain in AUROC."""
    source, target = _projected(pair)
    seen, unseen = np.array_split(target, 2)
    width = median_distance(source, drawn(seen, 0))
    among, across = gaussian(source, source, width), gaussian(source, seen, width)
    alone, unweighted = (
        _distance(np.ones(len(source)), source, unseen, width),
        _auroc(pair, np.ones(len(source))),
    )
    found = {"none": [1.0, 0.0, 1.0, unweighted]}
    for ridge in RIDGES:
        beta = match(among, across, ridge)
        weights = beta / beta.mean()
        left = _distance(weights, source, unseen, width) / alone
        share = effective_samples(weights) / len(weights)
        found[f"{ridge:g}"] = [
            left,
            float(np.abs(weights - 1).mean()),
            share,
            _auroc(pair, weights) - unweighted,
        ]
    return found


def _projected(pair: Pair) -> tuple[Floats, Floats]:
    """Source and target as weightings see them."""
    source, target = (pair.features[rows].astype(np.float64) for rows in (pair.source, pair.target))
    scaler = StandardScaler().fit(np.concatenate([source, target]))
    source, target = scaler.transform(source), scaler.transform(target)
    pooled = np.concatenate([source, target])
    components = PCA(min(DIMENSIONS, *pooled.shape), svd_solver="covariance_eigh").fit(pooled)
    return components.transform(source), components.transform(target)


def _distance(weights: Floats, source: Floats, target: Floats, width: float) -> float:
    """Of the means in the kernel's space."""
    beta, m = weights / weights.sum(), len(target)
    squared = beta @ gaussian(source, source, width) @ beta + gaussian(target, target, width).sum() / m**2
    return float(np.sqrt(squared - 2 * beta @ gaussian(source, target, width).mean(axis=1)))


def _auroc(pair: Pair, weights: Floats) -> float:
    """Of a logistic head on all samples of the target."""
    params = HeadParams.model_validate({"method": "logistic", "l2": [L2]})
    training = Samples(pair.features[pair.source], pair.targets[pair.source], TWO, weights)
    head = load_head(params, seed=0)
    ((_, state),) = head.fits(training, training)  # one candidate: nothing to choose
    with torch.inference_mode():
        logits = head.module(state)(torch.from_numpy(pair.features[pair.target]).double())
    probabilities = torch.softmax(logits.double(), dim=1).numpy()
    return area(probabilities[:, 1], pair.targets[pair.target] == 1)


def main() -> None:
    torch.set_num_threads(1)
    found: dict[str, list[dict[str, list[float]]]] = {}
    with threadpool_limits(1):
        for seed in range(DRAWS):
            for pair in pairs(np.random.default_rng(seed)):
                found.setdefault(pair.name, []).append(measure(pair))
    publish("kmm_ridge", {"draws": DRAWS, "l2": L2, "pairs": {n: _summary(of) for n, of in found.items()}})


def _summary(draws: list[dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Means over draws; of the gain, its standard error."""
    rows = {}
    for ridge in draws[0]:
        values = np.array([draw[ridge] for draw in draws])
        left, off, share, last = values.mean(axis=0).round(3).tolist()
        named = {"distance left": left, "mean |weight - 1|": off, "effective share": share}
        if ridge == "none":
            rows[ridge] = {**named, "AUROC": last}
            continue
        error = values[:, 3].std(ddof=1) / np.sqrt(len(draws))
        rows[ridge] = {**named, "AUROC gained": last, "± (standard error)": round(float(error), 3)}
    return rows


if __name__ == "__main__":
    main()
