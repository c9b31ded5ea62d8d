"""A linear model on a modality's own features: ridge regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.base import Array, Description, Targets
from components.problems.regression.target.numbers import Numbers

ALPHAS = tuple(10.0 ** (step / 2) for step in range(-4, 5))  # 0.01 to 100
PLAIN = 1.0
EXACT = 2000  # samples up to which leave-one-out chooses: it takes their number to the third power


class Baseline:
    """See components.problems.base.Baseline for what each member promises. It answers without intervals."""

    def __init__(self, description: Description) -> None:
        self._numbers = Numbers.of(description)

    def fit(self, features: Any, targets: Targets, seed: int) -> Mapping[str, npt.NDArray[Any]]:
        """`alpha` by the exact leave-one-out error, of many samples 1."""
        from sklearn.linear_model import Ridge, RidgeCV

        numbers = self._numbers
        wanted = (np.asarray(targets, dtype=np.float64) - numbers.mean) / numbers.scale
        model = RidgeCV(alphas=ALPHAS) if len(wanted) <= EXACT else Ridge(alpha=PLAIN, solver="sparse_cg")
        model.fit(features, wanted)
        weight = np.asarray(model.coef_).reshape(len(numbers), -1)
        bias = np.asarray(model.intercept_).reshape(len(numbers))
        return {
            "weight": weight * numbers.scale[:, None],
            "bias": bias * numbers.scale + numbers.mean,
            "alpha": np.array([float(getattr(model, "alpha_", PLAIN))]),
        }

    def answers(self, fitted: Mapping[str, npt.NDArray[Any]], features: Any) -> Array:
        found = np.asarray(features @ fitted["weight"].T + fitted["bias"])
        return np.asarray(np.clip(found, self._numbers.least, self._numbers.most))
