"""A linear model on a modality's own features: Poisson regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.base import Array, Description, Targets


class Baseline:
    """See components.problems.base.Baseline for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def fit(self, features: Any, targets: Targets, seed: int) -> Mapping[str, npt.NDArray[Any]]:
        from sklearn.linear_model import PoissonRegressor

        model = PoissonRegressor(alpha=1e-3, max_iter=1000).fit(features, targets)
        return {"weight": np.asarray(model.coef_), "bias": np.atleast_1d(model.intercept_)}

    def answers(self, fitted: Mapping[str, npt.NDArray[Any]], features: Any) -> Array:
        rates = np.exp(np.asarray(features @ fitted["weight"] + fitted["bias"], dtype=np.float64))
        return np.asarray(rates)[:, None]
