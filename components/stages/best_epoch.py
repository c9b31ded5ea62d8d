"""What finds the best epoch of a training, where that is not the validation loss."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.evaluation.metrics import Outcome, positive_class, value
from components.evaluation.unlabelled import information_maximisation
from components.methods.samples import Samples
from components.params import Params
from components.training.plan import Criterion


def by_labels(validation: Samples, classes: Sequence[str], params: Params) -> Criterion | None:
    """`tune.best_by`, on labelled samples; none where that is the loss."""
    metric = params.tune.best_by
    if metric == "loss":
        return None
    positive = positive_class(params.task.positive, classes)
    targets = np.asarray(validation.targets, dtype=np.int64)
    return Criterion(metric, validation, partial(_measure, metric, targets, positive))


def by_answers(watched: Samples) -> Criterion:
    """`domains.criterion`, on the target's samples, their labels unseen."""
    return Criterion("information_maximisation", watched, information_maximisation)


def _measure(
    metric: str, targets: npt.NDArray[np.int64], positive: int, probabilities: npt.NDArray[np.float64]
) -> float:
    found = value(metric, Outcome(targets, probabilities, probabilities.argmax(1), positive))
    if np.isfinite(probabilities).all() and not np.isfinite(found):
        raise DataError(
            f"tune.best_by: {metric} is undefined on the {len(targets)} validation samples: a class is missing.",
            "Set tune.best_by: loss, or give the validation side samples of every class.",
        )
    return found
