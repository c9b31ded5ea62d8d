"""A linear model on a modality's own features: logistic regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from components.problems.base import Array, Description, Targets

C = 10.0  # plain and strong; not tuned, so that nothing is chosen for it or against it


class Baseline:
    """See components.problems.base.Baseline for what each member promises."""

    def __init__(self, description: Description) -> None:
        self._classes = len(description["classes"])

    def fit(self, features: Any, targets: Targets, seed: int) -> Mapping[str, npt.NDArray[Any]]:
        model = LogisticRegression(C=C, max_iter=1000, random_state=seed)
        model.fit(features, targets)
        weight, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        if len(weight) == 1:  # two classes: one log-odds, shared evenly between two logits
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        return {"weight": weight, "bias": bias, "known": np.asarray(model.classes_)}

    def answers(self, fitted: Mapping[str, npt.NDArray[Any]], features: Any) -> Array:
        logits = features @ fitted["weight"].T + fitted["bias"]
        logits -= logits.max(axis=1, keepdims=True)
        out = np.zeros((logits.shape[0], self._classes))
        out[:, fitted["known"]] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return out
