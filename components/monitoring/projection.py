"""Embeddings on a plane, for people."""

import numpy as np
import numpy.typing as npt

Points = list[tuple[float, float]]


def plane(reference: npt.NDArray[np.float32], window: npt.NDArray[np.float32]) -> tuple[Points, Points]:
    """Both (N, width) on the first two principal axes of the reference; with one dimension, the second is 0."""
    mean = reference.mean(axis=0)
    axes = np.linalg.svd(reference - mean, full_matrices=False)[2][:2]
    if len(axes) < 2:
        axes = np.concatenate([axes, np.zeros((2 - len(axes), axes.shape[1]), dtype=axes.dtype)])
    return _points((reference - mean) @ axes.T), _points((window - mean) @ axes.T)


def _points(found: npt.NDArray[np.float32]) -> Points:
    return [(float(a), float(b)) for a, b in found]
