"""Steps with given numbers, for formulas; waves of numbers that need no generator."""

import numpy as np
import numpy.typing as npt
import torch
from tiny import make_network
from torch import Tensor

from components.methods.objective import Step, Trained, Unlabelled

Array = npt.NDArray[np.float64]


def wave(rows: int, columns: int, pitch: float) -> Array:
    return np.sin(pitch * (1 + np.arange(rows * columns, dtype=np.float64))).reshape(rows, columns)


def tensor(values: Array) -> Tensor:
    return torch.from_numpy(values).float()


def make_step(
    features: Tensor, beside: Tensor, progress: float = 1.0, network: Trained | None = None
) -> Step:
    """Features (n, d) of labelled and (m, d) of unlabelled samples; their logits are their first three columns."""
    return Step(
        network=network or make_network(),
        indices=torch.arange(len(features)),
        inputs=features,
        features=features,
        targets=torch.zeros(len(features), dtype=torch.int64),
        logits=features[:, :3],
        epoch=0,
        progress=progress,
        unlabelled=Unlabelled(beside, beside, beside[:, :3]),
    )
