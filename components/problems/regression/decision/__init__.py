"""Numbers within their range, and prediction intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

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
from components.problems.regression.decision.conformal import fewest, margin
from components.problems.regression.params import RegressionParams
from components.problems.regression.target.numbers import Numbers, columns
from components.problems.windows import MeanAnswers
from components.progress import log

TOLERANCE = 1e-4  # standard deviations of the targets by which equal decisions may differ


class Answers(nn.Module):
    """Outputs (B, k or 3 k) → predictions (B, k), or with their intervals (B, 3 k): predictions, lows, highs.

    An interval always holds its prediction.
    """

    def __init__(self, numbers: Numbers, learned: bool, margins: list[float] | None) -> None:
        super().__init__()
        self._count, self._learned = len(numbers), learned
        self._intervals = learned if margins is None else True
        self._bounded = any(ends is not None for ends in numbers.bounds)
        held = {
            "least": numbers.least,
            "most": numbers.most,
            "margins": np.array(margins or [0.0] * len(numbers)),
        }
        for name, values in held.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(values, dtype=np.float64)))

    def forward(self, outputs: Tensor) -> Tensor:
        count, margins = self._count, self._held("margins", outputs)
        middle = self._clamped(outputs[:, :count])
        if not self._intervals:
            return middle
        low = outputs[:, count : 2 * count] if self._learned else middle
        high = outputs[:, 2 * count :] if self._learned else middle
        low = torch.minimum(self._clamped(low - margins), middle)
        high = torch.maximum(self._clamped(high + margins), middle)
        return torch.cat([middle, low, high], dim=1)

    def _clamped(self, numbers: Tensor) -> Tensor:
        if not self._bounded:
            return numbers
        held = torch.maximum(numbers, self._held("least", numbers))
        return torch.minimum(held, self._held("most", numbers))

    def _held(self, name: str, like: Tensor) -> Tensor:
        return self.get_buffer(name).to(like.dtype)


class Decision(MeanAnswers):
    """See components.problems.base.Decision for what each member promises.

    Decisions are (N, k, 3): prediction, low, high; NaN where there is no interval.

    Attributes:
        intervals: whether answers hold prediction intervals.
        scale: (columns,) what a difference of answers is measured by.
    """

    output = "numbers"

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self._numbers, self.fitted = Numbers.of(description), fitted or {}
        self.names, self._learned = self._numbers.names, task.options(RegressionParams).loss == "quantile"
        self._coverage = task.options(RegressionParams).coverage
        self.meaning = {**lasting(description, "numbers"), **_of_each(description)}
        said = self.fitted.get("margins")
        self._margins = None if said is None else [float(one) for one in said]
        if self._margins is not None and not (
            len(self._margins) == len(self.names) and np.isfinite(self._margins).all()
        ):
            raise ValueError(f"margins are {said}, not one finite number for each of {len(self.names)}")
        # Quantiles that were never calibrated are an interval, too; once calibration had too few samples, none is.
        self.intervals = self._margins is not None or (self._learned and not self.fitted)
        kinds = ("prediction", "low", "high") if self.intervals else ("prediction",)
        self.columns = tuple(name for kind in kinds for name in columns(kind, self.names))
        self.scale = np.tile(self._numbers.scale, len(kinds))

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """Margins on calibration samples."""
        options, plain = task.options(RegressionParams), cls(task, description)
        held = targets["calibration"].astype(np.float64)
        said = plain(plain.answers(outputs["calibration"]))
        learned = options.loss == "quantile"
        if learned:
            scores = np.maximum(said[:, :, 1] - held, held - said[:, :, 2])
        else:
            scores = np.abs(held - said[:, :, 0])
        margins = margin(scores, options.coverage)
        if margins is None:
            log(
                f"Warning: {len(held)} calibration samples are too few for prediction intervals that cover "
                f"{options.coverage:g}: at least {fewest(options.coverage)} are needed. There are none in this "
                "release; raise data.split.calibration or lower task.coverage."
            )
        return {
            "method": "conformalised quantiles" if learned else "split conformal",
            "coverage": options.coverage,
            "margins": margins,
            "calibration": {"n": len(held), "needed": fewest(options.coverage)},
        }

    @property
    def promises(self) -> Mapping[str, Any]:
        numbers = self._numbers
        return {
            "names": list(self.names),
            "units": list(numbers.units),
            "ranges": [None if ends is None else list(ends) for ends in numbers.bounds],
            "coverage": self._coverage if self.intervals else None,
        }

    def module(self) -> nn.Module:
        learned = self._learned and self.intervals
        return Answers(self._numbers, learned, self._margins).float()

    def answers(self, outputs: Array) -> Array:
        learned = self._learned and self.intervals
        module = Answers(self._numbers, learned, self._margins)
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(np.asarray(outputs, dtype=np.float64))).numpy())

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        """(N, k) predictions or (N, 3 k) with intervals → (N, k, 3). ValueError for other answers."""
        count, given = len(self.names), np.asarray(answers, dtype=np.float64)
        if given.shape[1] not in (count, 3 * count):
            raise ValueError(f"answers of {given.shape[1]} columns are not those of {count} numbers")
        made = np.full((len(given), count, 3), np.nan)
        for kind in range(given.shape[1] // count):
            made[:, :, kind] = given[:, kind * count : (kind + 1) * count]
        return made

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        """Answers (N, k) or (N, 3 k), decisions (N, k, 3)."""
        places, count = [self.names.index(name) for name in names], len(self.names)
        kinds = answers.reshape(len(answers), -1, count)
        return kinds[:, :, places].reshape(answers.shape), decisions[:, places]

    def same(self, one: Decisions, other: Decisions) -> Mask:
        with np.errstate(invalid="ignore"):
            near = np.abs(one - other) <= TOLERANCE * self._numbers.scale[:, None]
        equal = (one == other) | (np.isnan(one) & np.isnan(other))
        return np.asarray((near | equal).all(axis=(1, 2)))

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {name: np.asarray(answers)[:, index] for index, name in enumerate(self.columns)}


def _of_each(description: Description) -> Mapping[str, Any]:
    """`unit of a`, `range of a`, …: what a description says of each number beside its name."""
    return {
        f"{key} of {one['name']}": value
        for one in description["numbers"]
        for key, value in one.items()
        if key != "name"
    }
