"""Small real arrays: scores with ties, two or more classes."""

import numpy as np

from components.problems.classification.judge.metrics import Outcome


def drawn(samples: int, classes: int = 2, seed: int = 0, positive: int = 1) -> Outcome:
    """Targets and informative probabilities on a coarse grid, so that many are equal."""
    draw = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), draw.integers(0, classes, samples - classes)])
    raw = draw.integers(1, 8, (samples, classes)) + 3.0 * np.eye(classes)[targets]
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    return Outcome(targets.astype(np.int64), probabilities, probabilities.argmax(axis=1), positive)


def said(targets: list[int], positive: list[float], threshold: float = 0.5) -> Outcome:
    """Two classes, the probability of class 1 given."""
    scores = np.array(positive, dtype=np.float64)
    decisions = (scores >= threshold).astype(np.int64)
    return Outcome(np.array(targets, dtype=np.int64), np.stack([1 - scores, scores], axis=1), decisions)
