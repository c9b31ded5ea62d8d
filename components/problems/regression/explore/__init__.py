"""Numbers in standard deviations, and residuals of a ridge regression that lie far off."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from components.params.task import TaskParams
from components.problems.base import Array, Description, Targets
from components.problems.operation import Doubt, Indices
from components.problems.regression.target.numbers import Numbers

STRENGTHS = tuple(10.0**power for power in range(-1, 6))
FAR = 3.5  # robust standard deviations (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993)
NORMAL = 0.6745  # median absolute deviation of a normal distribution, in standard deviations


class Explore:
    """See components.problems.operation.Explore for what each member promises."""

    columns = ("number", "label", "predicted", "robust standard deviations off")
    method = (
        f"lie {FAR:g} robust standard deviations or more from what ridge regression on frozen features says, which was "
        "fitted without them"
    )
    counted = ""
    undefined = "H-score and LEEP are not defined for regression: they compare classes."
    nearest = "R²"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._numbers = Numbers.of(description)

    def counts(self, targets: Targets) -> Mapping[str, int]:
        return {"": len(targets)}

    def aims(self, targets: Targets) -> Array:
        """About their mean, in standard deviations; 0 where nothing varies."""
        numbers = np.asarray(targets, dtype=np.float64)
        moved, scale = numbers - numbers.mean(axis=0), numbers.std(axis=0)
        return np.asarray(np.divide(moved, scale, out=np.zeros_like(moved), where=scale > 0))

    def questions(self, targets: Targets) -> Sequence[Indices]:
        return []

    def predict(self, features: Array, targets: Targets, asked: Array) -> Array:
        """(M, k). The exact leave-one-out error chooses the strength."""
        numbers = (np.asarray(targets, dtype=np.float64) - self._numbers.mean) / self._numbers.scale
        model = make_pipeline(StandardScaler(), RidgeCV(STRENGTHS)).fit(features, numbers)
        said = np.asarray(model.predict(asked), dtype=np.float64).reshape(len(asked), -1)
        return np.asarray(said * self._numbers.scale + self._numbers.mean)

    def doubts(self, said: Array, targets: Targets) -> Sequence[Doubt]:
        """Modified z-scores of the residuals: 0.6745 (r - median) / MAD. None where most residuals are equal."""
        residuals = np.asarray(targets, dtype=np.float64) - said
        moved = residuals - np.median(residuals, axis=0)
        spread = np.median(np.abs(moved), axis=0) / NORMAL
        off = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0)
        rows, numbers = np.nonzero(np.abs(off) >= FAR)
        order = np.argsort(-np.abs(off[rows, numbers]), kind="stable")
        return [
            Doubt(
                int(row),
                (
                    self._numbers.names[number],
                    f"{targets[row, number]:.6g}",
                    f"{said[row, number]:.6g}",
                    f"{off[row, number]:+.2f}",
                ),
            )
            for row, number in zip(rows[order], numbers[order], strict=True)
        ]
