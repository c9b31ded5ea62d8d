"""Sigmoid of cooled logits, and a threshold for each label."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import special
from torch import Tensor, nn

from components.errors import EvaluationError
from components.evaluation.calibration import best_temperature, find_threshold
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
from components.problems.description import lasting
from components.problems.windows import LargestAnswers

EVEN = 0.5


class Sigmoid(nn.Module):
    """sigmoid(logits / temperature): (B, L) → (B, L)."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits / self.temperature)


class Decision(LargestAnswers):
    """See components.problems.base.Decision for what each member promises.

    Attributes:
        thresholds: (L,): a sample has a label where its probability is at least this.
    """

    output = "probabilities"
    scale = 1.0

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.fitted = fitted or {}
        self.names = tuple(description["labels"])
        self.columns = tuple(f"p.{name}" for name in self.names)
        self.meaning = lasting(description, "labels")
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError("it names no label, or one twice")
        thresholds = self.fitted.get("thresholds", [EVEN] * len(self.names))
        if len(thresholds) != len(self.names):
            raise ValueError(f"it has {len(thresholds)} thresholds for {len(self.names)} labels")
        self.thresholds = np.array([float(value) for value in thresholds])
        if not ((self.thresholds >= 0) & (self.thresholds <= 1)).all():  # false for NaN, too
            raise ValueError(f"the thresholds are {list(thresholds)}, not from 0 to 1")

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """One temperature on calibration samples; after it, each label's threshold on validation samples."""
        held, given = targets["calibration"], outputs["calibration"]
        # Labels of one sample are not independent: a sample counts once against the prior.
        temperature = best_temperature(lambda t: negative_log_likelihood(given, held, t), len(held))
        cooled = special.expit(outputs["validation"] / temperature)
        thresholds = []
        for number, name in enumerate(description["labels"]):
            try:
                found = find_threshold(
                    cooled[:, number], targets["validation"][:, number] == 1, select.threshold
                )
            except EvaluationError as error:
                raise EvaluationError(f"Label {name!r}: {error.message}", error.remedy) from None
            thresholds.append(found)
        return {
            "temperature": temperature,
            "thresholds": thresholds,
            "rule": select.threshold.model_dump(),
            "calibration": {
                "n": len(held),
                "nll_before": negative_log_likelihood(given, held),
                "nll_after": negative_log_likelihood(given, held, temperature),
            },
        }

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"thresholds": self.thresholds.tolist()}

    @property
    def temperature(self) -> float:
        return float(self.fitted.get("temperature", 1.0))

    def module(self) -> nn.Module:
        return Sigmoid(self.temperature)

    def answers(self, outputs: Array) -> Array:
        return np.asarray(special.expit(np.asarray(outputs, dtype=np.float64) / self.temperature))

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        """(N, L) → (N, L) int8, 0 or 1."""
        return np.asarray(answers >= self.thresholds, dtype=np.int8)

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        places = [self.names.index(name) for name in names]
        return answers[:, places], decisions[:, places]

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.asarray((one == other).all(axis=1))

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        columns: dict[str, Column] = {name: answers[:, index] for index, name in enumerate(self.columns)}
        decided = [[name for name, has in zip(self.names, row, strict=True) if has] for row in self(answers)]
        return {**columns, "decision": decided}


def negative_log_likelihood(logits: Array, targets: Targets, temperature: float = 1.0) -> float:
    """Mean over samples and labels in nats; logits (N, L), targets (N, L)."""
    signed = np.where(targets == 1, -logits, logits) / temperature
    return float(np.logaddexp(0, signed).mean())
