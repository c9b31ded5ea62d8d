"""What finds the best epoch of a training, where that is not the validation loss."""

from functools import partial

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.evaluation.unlabelled import information_maximisation
from components.methods.samples import Samples
from components.stages.line import Line
from components.stages.uncalibrated import Uncalibrated
from components.training.plan import Criterion


def by_labels(validation: Samples, line: Line) -> Criterion | None:
    """`tune.best_by`, on labelled samples; none where that is the loss."""
    metric = line.params.tune.best_by
    if metric == "loss":
        return None
    return Criterion(
        metric, validation, partial(_measure, metric, Uncalibrated(line.decision, line.judge), validation)
    )


def by_answers(watched: Samples, line: Line) -> Criterion:
    """`domains.criterion`, on the target's samples, their labels unseen."""
    answers = line.decision.answers
    return Criterion(
        "information_maximisation", watched, lambda outputs: information_maximisation(answers(outputs))
    )


def _measure(
    metric: str, found: Uncalibrated, validation: Samples, outputs: npt.NDArray[np.float64]
) -> float:
    value = found.value(metric, outputs, validation.targets)
    if np.isfinite(outputs).all() and not np.isfinite(value):
        raise DataError(
            f"tune.best_by: {metric} is undefined on the {len(outputs)} validation samples, for instance because a "
            "class is missing.",
            "Set tune.best_by: loss, or give the validation split samples of every class.",
        )
    return found.metric(metric).signed(value)
