"""Whether the interval of accuracy without labels covers the accuracy as often as it says, with every head.

Two classes of features overlap, much or little. A head of each kind is fitted to some of them, exported as a release's
graph is and run by onnxruntime: its confidences are what monitoring sees, ties and roundings included. A pool of its
decisions stands for the world: its accuracy is the truth, and references and windows are draws from it. Nothing
drifts, so the method's premise holds, and what the interval misses is the interval's fault.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, nn

from benchmarks.workspace import publish
from components.export.onnx_file import export_module
from components.heads import NAMES, load_head
from components.heads.base import Samples
from components.monitoring.accuracy import estimated
from components.params.learning import HeadParams
from components.params.task import TaskParams
from components.problems import network
from components.runtime.sessions import open_session

LEVEL = 0.95
PROBLEM = network(TaskParams(), {"problem": "classification", "classes": ["0", "1"]})
WIDTH, TRAINING, POOL = 8, 300, 20_000
DISTANCES = {"overlap much": 2.0, "overlap little": 4.7}  # between the classes' means, in standard deviations
SIZES = ((30, 30), (100, 100))  # reference, window
TRIALS = 200
NEIGHBOURS = (1, 3, 5, 15)
Features = npt.NDArray[np.float32]
Ask = Callable[[nn.Module, Features], Features]


@dataclass(frozen=True)
class Pool:
    """Confidences of a release's decisions, and which decisions are right."""

    confidence: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


class Release(nn.Module):
    """Features → probabilities."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        return torch.softmax(self.head(features), dim=1)


def samples(count: int, distance: float, seed: int) -> Samples:
    draw = np.random.default_rng(seed)
    targets = draw.integers(2, size=count)
    features = draw.normal(size=(count, WIDTH))
    features[:, 0] += distance * targets
    return Samples(features.astype(np.float32), targets.astype(np.int64), PROBLEM)


def exported(release: nn.Module, features: Features) -> Features:
    """Probabilities as they are served."""
    example = (torch.from_numpy(features[:2]),)
    graph = export_module(release, example, ["features"], ["probabilities"], {"features": {0: "n"}})
    return np.asarray(open_session(graph, ["cpu"], 1).run(None, {"features": features})[0])


def in_torch(release: nn.Module, features: Features) -> Features:
    """The same without an export, which takes a second: for tests."""
    with torch.inference_mode():
        return np.asarray(release(torch.from_numpy(features)).numpy())


def pool(head: str, neighbours: int, distance: float, count: int = POOL, ask: Ask = exported) -> Pool:
    """The decisions of a head that was fitted to TRAINING samples."""
    params = HeadParams.model_validate({"method": head, "l2": [0.01], "neighbours": [neighbours]})
    fitted = load_head(params, seed=0)
    (_, state), *_ = fitted.fits(samples(TRAINING, distance, 1), samples(TRAINING, distance, 2))
    module = fitted.module({n: t.float() if t.is_floating_point() else t for n, t in state.items()}).eval()
    asked = samples(count, distance, 3)
    probabilities = ask(Release(module), asked.features)
    return Pool(probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == asked.targets)


def cover(world: Pool, sizes: tuple[int, int], trials: int) -> dict[str, float]:
    """Shares of draws in which the interval covers, lies above and lies below the accuracy; its mean width."""
    draw, bounds = np.random.default_rng(sizes), []
    for _ in range(trials):
        ours, theirs = (draw.integers(len(world.right), size=size) for size in sizes)
        found = estimated(world.confidence[ours], world.right[ours], world.confidence[theirs], LEVEL, draw)
        bounds.append((found.low, found.high, found.estimate))
    low, high, estimate = np.array(bounds).T
    return {
        "covers": float(((low <= world.accuracy) & (world.accuracy <= high)).mean()),
        "too high": float((low > world.accuracy).mean()),
        "too low": float((high < world.accuracy).mean()),
        "width": round(float((high - low).mean()), 4),
        "mean estimate": round(float(estimate.mean()), 4),
    }


def cells() -> Mapping[str, tuple[str, int]]:
    """Every head; neighbours, whose confidences are few, with several k."""
    heads = {name: (name, NEIGHBOURS[-1]) for name in NAMES if name != "neighbours"}
    return {**heads, **{f"neighbours, k = {k}": ("neighbours", k) for k in NEIGHBOURS}}


def measure_cell(trials: int, sizes: Sequence[tuple[int, int]], cell: str) -> dict[str, object]:
    torch.set_num_threads(1)
    head, k = cells()[cell]
    found: dict[str, object] = {}
    for name, distance in DISTANCES.items():
        world = pool(head, k, distance)
        found[name] = {
            "accuracy": round(world.accuracy, 4),
            "confidences": len(np.unique(world.confidence)),
            **{f"{n} and {m}": cover(world, (n, m), trials) for n, m in sizes},
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--cores", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    with get_context("spawn").Pool(options.cores) as workers:
        found = workers.map(partial(measure_cell, options.trials, SIZES), cells(), chunksize=1)
    least, most = stats.binom.interval(0.95, options.trials, LEVEL)
    publish(
        "unlabelled_accuracy",
        {
            "level": LEVEL,
            "trials": options.trials,
            "of exactly this coverage, 95 % lie in": [least / options.trials, most / options.trials],
            "least": _least(found),
            "cells": dict(zip(cells(), found, strict=True)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _least(found: Sequence[Mapping[str, object]]) -> float:
    """The smallest coverage of all cells."""
    shares = [
        cell["covers"]
        for head in found
        for world in head.values()
        for cell in (world.values() if isinstance(world, dict) else ())
        if isinstance(cell, dict)
    ]
    return min(shares)


if __name__ == "__main__":
    main()
