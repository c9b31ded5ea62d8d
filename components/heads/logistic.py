"""Multinomial logistic regression with an L2 penalty (Bishop, Pattern Recognition, 2006, section 4.3.4).

    min over W, b:  Σ wᵢ · cross-entropy(W xᵢ + b, yᵢ) / Σ wᵢ  +  l2/2 · ‖W‖²

on centred features x of one scale, by Newton's method with conjugate gradients, until no derivative exceeds TOLERANCE:
then probabilities are right to some 1e-5 (by L-BFGS to scikit-learn's tolerance, in the same time, to some 5e-3). Of
two classes scikit-learn fits one log-odds w = W₁ - W₀. The best W shares it evenly between two logits, W₁ = -W₀ = w/2,
so that ‖W‖² = ‖w‖²/2: the penalty of w is half of it.

Of labels each by itself, one such regression a label (one against the rest), whose log-odds w is the output:

    min over w, b:  Σ wᵢ · log(1 + exp(-yᵢ (w xᵢ + b))) / Σ wᵢ  +  l2/2 · ‖w‖²,   yᵢ = ±1
"""

from collections.abc import Iterator

import numpy as np
import torch

from components.heads.base import Array, Samples, State, linear_module, linear_state, standardisation
from components.params.learning import HeadParams
from components.problems.base import Targets

TOLERANCE = 1e-6


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
        if training.link == "sigmoid":
            each = [self._model(rows, column, training, l2) for column in training.columns.T]
            weight, bias = (np.concatenate(parts) for parts in zip(*each, strict=True))
            return linear_state(weight, bias, mean, scale)
        halves = 2 if training.outputs == 2 else 1
        state = linear_state(*self._model(rows, training.targets, training, l2 / halves), mean, scale)
        if training.outputs > 2:
            return state
        return {name: torch.cat([-tensor, tensor]) / 2 for name, tensor in state.items()}

    def _model(self, rows: Array, targets: Targets, training: Samples, l2: float) -> tuple[Array, Array]:
        """weight (classes, width) and bias (classes,), of two classes (1, width) and (1,)."""
        # Rebuilding a head does without the half second of this import.
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=1 / (l2 * training.total),
            solver="newton-cg",
            tol=TOLERANCE,
            max_iter=1000,
            random_state=self._seed,
        )
        model.fit(rows, targets, sample_weight=training.weights)
        return np.asarray(model.coef_), np.asarray(model.intercept_)
