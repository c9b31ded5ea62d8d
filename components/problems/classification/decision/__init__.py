"""Softmax of cooled logits; the most probable class, or a threshold on the positive one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.evaluation.calibration import find_threshold
from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.base import (
    Array,
    Column,
    Decisions,
    Description,
    Fitted,
    Mask,
    Targets,
)
from components.problems.classification.decision.calibration import fit_temperature, negative_log_likelihood
from components.problems.classification.params import ClassificationParams
from components.problems.description import lasting
from components.problems.windows import MeanAnswers


class Softmax(nn.Module):
    """softmax(logits / temperature): (B, C) → (B, C)."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits / self.temperature, dim=1)


class Decision(MeanAnswers):
    """See components.problems.base.Decision for what each member promises.

    Attributes:
        positive: index of the class that the threshold is for; None takes the most probable class.
        threshold: decide positive where its probability is at least this.
    """

    output = "probabilities"
    scale = 1.0

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.fitted = fitted or {}
        self.classes = self.names = tuple(description["classes"])
        self.columns = tuple(f"p.{name}" for name in self.classes)
        self.meaning = lasting(description, "classes")
        positive, threshold = self.fitted.get("positive"), self.fitted.get("threshold")
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError("it names fewer than two classes, or one twice")
        if positive is not None and positive not in self.classes:
            raise ValueError(f"positive is {positive!r}, which is no class")
        if isinstance(threshold, str | bool):
            raise ValueError(f"the threshold is {threshold!r}, no number")
        if threshold is not None and not 0 <= float(threshold) <= 1:  # false for NaN, too
            raise ValueError(f"the threshold is {threshold}, not from 0 to 1")
        self.positive = None if positive is None else self.classes.index(str(positive))
        self.threshold = None if threshold is None else float(threshold)

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """Temperature on calibration samples; the threshold, after it, on validation samples."""
        held, positive = targets["calibration"], task.options(ClassificationParams).positive
        temperature = fit_temperature(outputs["calibration"], held)
        threshold = None
        if positive is not None:
            index = list(description["classes"]).index(positive)
            cooled = _softmax(outputs["validation"], temperature)[:, index]
            threshold = find_threshold(cooled, targets["validation"] == index, select.threshold)
        return {
            "temperature": temperature,
            "threshold": threshold,
            "positive": positive,
            "rule": select.threshold.model_dump(),
            "calibration": {
                "n": len(held),
                "nll_before": negative_log_likelihood(outputs["calibration"], held),
                "nll_after": negative_log_likelihood(outputs["calibration"], held, temperature),
            },
        }

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"positive": self.fitted.get("positive"), "threshold": self.threshold}

    @property
    def temperature(self) -> float:
        return float(self.fitted.get("temperature", 1.0))

    def module(self) -> nn.Module:
        return Softmax(self.temperature)

    def answers(self, outputs: Array) -> Array:
        return _softmax(outputs, self.temperature)

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        """(N, C) → (N,) class indices."""
        if self.positive is None or self.threshold is None or answers.shape[1] != 2:
            return np.asarray(answers.argmax(axis=1), dtype=np.int64)
        # As a number of 64 bits: NumPy would round the threshold to the type of the answers, and a release that gives
        # float32 would decide a tie otherwise than an evaluation in float64.
        is_positive = answers[:, self.positive] >= np.float64(self.threshold)
        return np.where(is_positive, self.positive, 1 - self.positive).astype(np.int64)

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        places = [self.classes.index(name) for name in names]
        return answers[:, places], np.argsort(places)[decisions]

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.asarray(one == other)

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        columns: dict[str, Column] = {name: answers[:, index] for index, name in enumerate(self.columns)}
        return {**columns, "decision": [self.classes[index] for index in self(answers)]}


def _softmax(outputs: Array, temperature: float) -> Array:
    return np.asarray(torch.softmax(torch.from_numpy(np.asarray(outputs) / temperature), dim=1).numpy())
