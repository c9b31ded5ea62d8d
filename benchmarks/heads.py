"""Every head on the demo's frozen features, with all labels and with few; the test side is not read.

Validation data choose the head's parameter and judge it, too, so the figures flatter all heads alike. With few labels,
means over DRAWS draws from the training side.
"""

import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.heads import NAMES, load_head
from components.heads.base import Samples
from components.params import load_params
from components.params.learning import HeadParams
from components.problems import network
from components.stages.features import open_features
from components.stages.train_head import score
from components.stages.uncalibrated import Uncalibrated

SHOTS, DRAWS = (1, 4, 16, 64), 5


def main() -> None:
    params = load_params(ROOT / "params.yaml")
    dataset = Dataset.open(ROOT / "dataset")
    features = open_features(ROOT / "features")
    sides = np.array(dataset.table.column("split").to_pylist())
    training, validation = (
        Samples(features[sides == side], dataset.targets(side), network(params.task, dataset.description))
        for side in ("train", "validation")
    )
    uncalibrated = Uncalibrated(params, dataset.description)
    torch.set_num_threads(1)
    cells = {}
    with threadpool_limits(1, "blas"):
        for name in NAMES:
            head = HeadParams.model_validate({**params.head.model_dump(), "method": name, "metric": "auroc"})
            _cell(head, _few(training, 4, 0), validation, uncalibrated)  # imports have their price once
            cells[name] = {
                **_cell(head, training, validation, uncalibrated),
                "AUROC by labels a class": {
                    shots: _few_labels(head, training, validation, uncalibrated, shots) for shots in SHOTS
                },
            }
    publish("heads", {"samples": len(training.targets), "l2": params.head.l2, "heads": cells})


def _few_labels(
    head: HeadParams, training: Samples, validation: Samples, uncalibrated: Uncalibrated, shots: int
) -> float:
    """Mean AUROC over draws."""
    draws = [_few(training, shots, draw) for draw in range(DRAWS)]
    return round(float(np.mean([_cell(head, few, validation, uncalibrated)["auroc"] for few in draws])), 3)


def _cell(
    head: HeadParams, training: Samples, validation: Samples, uncalibrated: Uncalibrated
) -> dict[str, float]:
    """The best candidate by AUROC, and the seconds of one core that all candidates took."""
    started = time.process_time()
    fitted = load_head(head, seed=0)
    found = list(fitted.fits(training, validation))
    seconds = time.process_time() - started
    scores = [score(fitted.module(state), validation, "auroc", uncalibrated) for _, state in found]
    best = max(range(len(found)), key=lambda i: (scores[i]["score"], -scores[i]["loss"]))
    module, state = fitted.module(found[best][1]), found[best][1]
    return {
        fitted.parameter: found[best][0],
        "auroc": round(scores[best]["score"], 4),
        "balanced_accuracy": round(score(module, validation, "balanced_accuracy", uncalibrated)["score"], 4),
        "core seconds": round(seconds, 2),
        "MB in the release": round(sum(tensor.numel() for tensor in state.values()) * 4 / 1e6, 2),
    }


def _few(training: Samples, each: int, draw: int) -> Samples:
    """`each` random samples of every class."""
    generator = np.random.default_rng(draw)
    rows = np.concatenate(
        [
            generator.choice(np.flatnonzero(training.targets == index), each, replace=False)
            for index in range(training.outputs)
        ]
    )
    return Samples(training.features[rows], training.targets[rows], training.problem)


if __name__ == "__main__":
    main()
