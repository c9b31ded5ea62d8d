"""A linear model on a modality's own features: one logistic regression a label, against the rest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special
from sklearn.linear_model import LogisticRegression

from components.problems.base import Array, Description, Targets

C = 10.0  # plain and strong; not tuned, so that nothing is chosen for it or against it


class Baseline:
    """See components.problems.base.Baseline for what each member promises."""

    def __init__(self, description: Description) -> None:
        self._labels = len(description["labels"])

    def fit(self, features: Any, targets: Targets, seed: int) -> Mapping[str, npt.NDArray[Any]]:
        """Each label must occur, and be absent, among the targets."""
        weights, biases = [], []
        for number in range(self._labels):
            model = LogisticRegression(C=C, max_iter=1000, random_state=seed)
            model.fit(features, targets[:, number] == 1)
            weights.append(np.asarray(model.coef_)[0])
            biases.append(float(model.intercept_[0]))
        return {"weight": np.stack(weights), "bias": np.array(biases)}

    def answers(self, fitted: Mapping[str, npt.NDArray[Any]], features: Any) -> Array:
        return np.asarray(special.expit(features @ fitted["weight"].T + fitted["bias"]))
