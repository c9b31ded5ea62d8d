"""Answers that a release gives a step at a time, as a text is generated: one graph does the first step and all others.

Beside the sample the graph takes named inputs, and it gives what they are in the next step: the newest tokens, the keys
and values of all earlier ones. Our runner goes round until each sample of a batch has ended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BATCH = "batch"


@dataclass(frozen=True)
class State:
    """An input of the graph beside the sample; the output `next.<name>` is what it is in the next step.

    Attributes:
        name, dtype: of the input.
        axes: `batch` first; a number where the size is fixed, a name for the one axis where it varies.
        longest: the largest size of that axis.
        start: numbers along that axis that each sample has in the first step, where there are no further axes;
            (): it is empty then.
    """

    name: str
    dtype: str
    axes: tuple[str | int, ...]
    longest: int
    start: tuple[int, ...] = ()

    @property
    def next(self) -> str:
        return f"next.{self.name}"

    @property
    def varying(self) -> dict[int, str]:
        """Axis → name, of those whose size varies."""
        return {number: axis for number, axis in enumerate(self.axes) if isinstance(axis, str)}

    @property
    def grows(self) -> str:
        """The name of the axis that varies beside the batch."""
        return next(axis for axis in self.varying.values() if axis != BATCH)

    def shape(self, batch: int, size: int) -> tuple[int, ...]:
        return tuple(
            axis if isinstance(axis, int) else batch if axis == BATCH else size for axis in self.axes
        )

    def first(self, batch: int) -> Array:
        held = np.zeros(self.shape(batch, len(self.start)), dtype=self.dtype)
        held[...] = np.array(self.start or 0, dtype=self.dtype)
        return held


@dataclass(frozen=True)
class Steps:
    """How a release answers in steps.

    Attributes:
        most: steps of a sample.
        end: what the first column of an answer says in a sample's last step; it stands behind that, too.
        state: in the order of the graph's inputs behind the sample, and of its outputs behind the answer.
    """

    most: int
    end: float
    state: tuple[State, ...]

    def first(self, batch: int) -> dict[str, Array]:
        """What the state is in the first step."""
        return {one.name: one.first(batch) for one in self.state}

    def largest(self, batch: int) -> dict[str, tuple[int, ...]]:
        """The largest shapes that are fed beside the sample."""
        return {one.name: one.shape(batch, one.longest) for one in self.state}

    def as_json(self) -> dict[str, object]:
        """What a caller without our runner must do likewise."""
        state = [
            {"name": one.name, "type": one.dtype, "shape": list(one.axes), "start": list(one.start)}
            for one in self.state
        ]
        return {"most": self.most, "end": self.end, "state": state}

    def answers(self, step: Callable[[Mapping[str, Array]], Sequence[Array]], batch: int) -> Array:
        """(batch, columns, most); `step` gives the answer (batch, columns, 1) and the next state."""
        state, found, going = self.first(batch), list[Array](), np.ones(batch, dtype=bool)
        while len(found) < self.most and (going.any() or not found):
            answer, *after = step(state)
            found.append(np.where(going[:, None, None], answer, self.end))
            going &= found[-1][:, 0, 0] != self.end
            state = {one.name: array for one, array in zip(self.state, after, strict=True)}
        rest = np.full((*found[0].shape[:2], self.most - len(found)), self.end)
        return np.concatenate([*found, rest], axis=2).astype(np.float32)
