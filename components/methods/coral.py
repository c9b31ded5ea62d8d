"""CORAL: the covariances of source and target features are made alike.

Sun & Saenko: Deep CORAL, ECCV 2016 workshops, eq. 1 to 3: with d the features' width and C the covariance of a batch,

    1 / (4 d²) ‖C_S - C_T‖²_F,      C = (DᵀD - (1ᵀD)ᵀ(1ᵀD) / n) / (n - 1)

The paper puts it on the last layer's 31 numbers, and chooses its weight such that it ends as large as the task's loss.
On pooled features it is far smaller, hence a weight of 100: from scikit-learn's digits to turned, noisy ones, three
seeds, 0.29 without, 0.31 with 1, 0.45 with 100.
"""

from torch import Tensor

from components.methods.objective import Objective, Shape, Step
from components.params.objectives import ObjectivesParams

WEIGHT = 100.0


class Coral(Objective):
    """Answers 'what is added to the loss?': the distance of second moments."""

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.align_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * coral(step.features, step.beside.features)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Scalar; source (n, d), target (m, d), n and m at least 2."""
    difference = covariance(source) - covariance(target)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def covariance(features: Tensor) -> Tensor:
    """(d, d), unbiased, of (n, d)."""
    centred = features - features.mean(0, keepdim=True)
    return centred.T @ centred / (len(features) - 1)
