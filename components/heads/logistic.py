"""Multinomial logistic regression with an L2 penalty (Bishop, Pattern Recognition, 2006, section 4.3.4).

    min over W, b:  Σ wᵢ · cross-entropy(W xᵢ + b, yᵢ) / Σ wᵢ  +  l2/2 · ‖W‖²

on centred features x of one scale, by L-BFGS. Of two classes scikit-learn penalises one log-odds; its weights are
shared evenly between two logits.
"""

from collections.abc import Iterator

import numpy as np
import torch

from components.heads.base import Array, Samples, State, linear_module, linear_state, standardisation
from components.params.learning import HeadParams


class Logistic:
    """The plain choice: its probabilities are calibrated as far as the features allow."""

    parameter = "l2"
    module = staticmethod(linear_module)

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._candidates, self._seed = head.l2, seed

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        mean, scale = standardisation(training)
        rows = (training.features - mean) / scale
        for l2 in self._candidates:
            yield l2, self._fit(rows, training, l2, mean, scale)

    def _fit(self, rows: Array, training: Samples, l2: float, mean: Array, scale: float) -> State:
        # Whoever only rebuilds a head does without the half second of this import.
        from sklearn.linear_model import LogisticRegression

        strength = 1 / (l2 * training.total)
        model = LogisticRegression(C=strength, max_iter=1000, random_state=self._seed)
        model.fit(rows, training.targets, sample_weight=training.weights)
        state = linear_state(np.asarray(model.coef_), np.asarray(model.intercept_), mean, scale)
        if training.classes > 2:
            return state
        return {name: torch.cat([-tensor, tensor]) / 2 for name, tensor in state.items()}
