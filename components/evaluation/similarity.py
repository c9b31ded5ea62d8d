"""How far a training moved a network: its weights, and what it makes of samples."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def distance(before: Mapping[str, Array], after: Mapping[str, Array]) -> tuple[float, float]:
    """‖w - w⁰‖₂ over all tensors of `before`, and the same as a share of ‖w⁰‖₂ (0 where that is 0)."""
    moved = math.sqrt(sum(float(np.square(np.float64(after[n]) - before[n]).sum()) for n in before))
    length = math.sqrt(sum(float(np.square(np.float64(before[n])).sum()) for n in before))
    return moved, moved / length if length else 0.0


def linear_cka(first: Array, second: Array) -> float:
    """Linear centred kernel alignment of features (N, d) and (N, e) of the same samples: 1 alike, 0 unrelated.

    Kornblith, Norouzi, Lee, Hinton: Similarity of Neural Network Representations Revisited, ICML 2019, eq. 1, 3:
    ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F), columns centred. It does not change under rotation or a common scale. NaN where
    one of them is constant.
    """
    x, y = _centred(first), _centred(second)
    if len(x) < max(x.shape[1], y.shape[1]):  # the same, by N × N matrices
        k, m = x @ x.T, y @ y.T
        cross, own = float((k * m).sum()), float(np.linalg.norm(k) * np.linalg.norm(m))
    else:
        cross = float(np.square(y.T @ x).sum())
        own = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return cross / own if own else math.nan


def _centred(features: Array) -> npt.NDArray[np.float64]:
    wide = np.asarray(features, dtype=np.float64)
    return np.asarray(wide - wide.mean(axis=0))
