"""The most probable letter at each step, until the text ends."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.base import Array, Column, Decisions, Description, Fitted, Mask, Targets
from components.problems.description import lasting
from components.problems.steps import State, Steps
from components.problems.windows import MeanAnswers
from spellings.spelling.network import DEPTH, END, FIRST, START


class Letters(nn.Module):
    """Outputs (B, steps · letters) → (B, 1, steps): the number of each letter."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs.unflatten(1, (-1, self._count)).argmax(dim=2).unsqueeze(1).to(outputs.dtype)


class Decision(MeanAnswers):
    """See components.problems.base.Decision for what each member promises.

    Decisions are (N,) texts.
    """

    output = "letters"
    names = ("text",)
    columns = ("letter",)
    scale = 1.0

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.fitted, self._letters = fitted or {}, str(description["letters"])
        self.meaning, most = lasting(description), int(description["most"])
        self.axes = (most,)
        held = [State(name, "float32", ("batch", "past", DEPTH), most) for name in ("keys", "values")]
        self.steps = Steps(most, END, (State("newest", "int64", ("batch", "new"), 1, (START,)), *held))

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """Nothing is fitted."""
        return {"calibration": {"n": len(targets["calibration"])}}

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"letters": self._letters}

    def module(self) -> nn.Module:
        return Letters(len(self._letters) + FIRST)

    def answers(self, outputs: Array) -> Array:
        said = outputs.reshape(len(outputs), self.axes[0], -1).argmax(axis=2)
        return np.asarray(said[:, None], dtype=np.float64)

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        return np.array([self._text(answer[0]) for answer in answers], dtype=object)

    def _text(self, numbers: npt.NDArray[Any]) -> str:
        """Up to the first END; START, which nothing forbids, is no letter."""
        ends = np.flatnonzero(numbers == END)
        said = numbers[: ends[0]] if len(ends) else numbers
        return "".join(self._letters[int(number) - FIRST] if number >= FIRST else "?" for number in said)

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        """Letters have one order."""
        return answers, decisions

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.asarray(one == other, dtype=bool)

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {"text": list(self(answers))}
