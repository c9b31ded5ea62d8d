"""TrAdaBoost: source samples which the target contradicts count less, hard target samples more.

Dai, Yang, Xue, Yu: Boosting for Transfer Learning, ICML 2007, algorithm 1. All weights start at 1. In each of N rounds
a classifier h is fitted to all labelled samples by their weights; with ε its weighted error on the target samples,

    source:  w ← w β^[h(x) ≠ y],        β = 1 / (1 + √(2 ln n / N)),  n the number of source samples
    target:  w ← w β_t^-[h(x) ≠ y],     β_t = ε / (1 - ε)

The weights are never scaled between rounds (only the copy that h is fitted with is), so the source loses what it loses.
The paper has two classes and |h - y|; with more, a mistake is a mistake. It asks for ε < ½ and does not say what else
to do: AdaBoost.M1 (Freund & Schapire, 1997) ends there, but here the first rounds are often worse than that, since many
source samples outvote a few of the target. So with ε from ½ on, and with ε = 0, target weights stay (β_t = 1), and the
source goes on losing.

h is a logistic regression on the projected features: like the paper's linear support vector machine it is linear, and
it has as many classes as there are; a stump on one principal component is worse than ½ with three.

What is used here is not the paper's answer, a vote of the later half of the rounds' classifiers, but the last round's
weights: head and blocks are trained with them. After many rounds they lie on a few hard target samples (solar cells,
mono to poly with 32 labels: 54 % of all weight on the target after 5 rounds, 97 % after 10), so ROUNDS are few.
"""

import math

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from components.errors import DataError
from components.methods.importance import Floats, Projected, ProjectedWeighting

ROUNDS = 5


class TrAdaBoost(ProjectedWeighting):
    """Answers 'how do samples count?': less, the more often the target's classifier contradicts them."""

    def _weigh(self, projected: Projected) -> Floats:
        if not projected.of_target.any():
            raise DataError(
                "weighting.method 'tradaboost': none of the labelled training samples is of the target domain.",
                "Set domains.target_labels: used, and look at the splits.",
            )
        weights = np.ones(len(projected.rows))
        if len(np.unique(projected.targets)) < 2:  # nothing can be contradicted
            return weights
        for _ in range(ROUNDS):
            weights = update(weights, _mistakes(projected, weights), projected.of_target, ROUNDS)
        return weights


def _mistakes(projected: Projected, weights: Floats) -> npt.NDArray[np.bool_]:
    model = LogisticRegression(max_iter=1000)
    model.fit(projected.rows, projected.targets, sample_weight=weights / weights.mean())
    wrong: npt.NDArray[np.bool_] = model.predict(projected.rows) != projected.targets
    return wrong


def update(
    weights: Floats, wrong: npt.NDArray[np.bool_], of_target: npt.NDArray[np.bool_], rounds: int
) -> Floats:
    """The weights (N,) after a round, one of so many, with these mistakes (N,)."""
    error = min(float(weights[of_target & wrong].sum() / weights[of_target].sum()), 0.5)
    sources = max(int((~of_target).sum()), 1)
    updated = weights.copy()
    updated[~of_target & wrong] /= 1 + math.sqrt(2 * math.log(sources) / rounds)
    if error > 0:
        updated[of_target & wrong] *= (1 - error) / error
    return updated
