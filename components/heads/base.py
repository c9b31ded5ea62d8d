"""What a head is: fitted to frozen features for each candidate of one parameter, it is a handful of tensors.

The tensors alone say what module they fill, so that the release is built from what was written and scored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.errors import DataError
from components.params.learning import HeadParams
from components.problems.base import Link, Targets
from components.problems.base import Network as Problem

Array = npt.NDArray[np.float64]
State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled features.

    Attributes:
        features: float32 (N, width), finite.
        targets: (N, …), as the problem has them.
        problem: says what they are worth as columns, and what a head loses.
        weights: (N,), how much each sample counts, none below 0; None: all alike.

    Raises:
        DataError: there are none, or a feature, target or weight is out of range.
    """

    features: npt.NDArray[np.float32]
    targets: Targets
    problem: Problem
    weights: Array | None = None

    def __post_init__(self) -> None:
        count = len(self.features)
        if count == 0:
            raise DataError("There are no samples to fit a head to.", "Check data.split.")
        if len(self.targets) != count:
            raise DataError(f"A head needs {count} targets, not {len(self.targets)}.")
        self.problem.columns(self.targets)  # DataError for one that is out of range
        finite = np.isfinite(self.features).all(axis=1)
        if not finite.all():
            raise DataError(
                f"The features of {count - finite.sum()} of {count} samples hold values that are not finite, "
                f"first those of row {finite.argmin()}.",
                "Remove these samples, or run: dvc repro --force extract_features",
            )
        if self.weights is not None and not _are_weights(self.weights, count):
            raise DataError(f"A head needs {count} weights, finite, none below 0, and not all of them 0.")

    @property
    def masses(self) -> Array:
        """(N,) the weights, or ones."""
        return np.ones(len(self.targets)) if self.weights is None else np.asarray(self.weights)

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(self.masses.sum())

    @property
    def shares(self) -> Array:
        """(N,) the weights, 1 on average."""
        return np.asarray(self.masses / self.masses.mean())

    @property
    def outputs(self) -> int:
        """Numbers that a head gives for a sample."""
        return self.problem.outputs

    @property
    def link(self) -> Link:
        """What turns outputs into the expected value of `columns`."""
        return self.problem.link

    @property
    def columns(self) -> Array:
        """(N, outputs): what a least-squares fit aims at. Of classes 1 at the target, else 0."""
        return self.problem.columns(self.targets)


class Head(Protocol):
    """A way from features to outputs.

    Attributes:
        parameter: the name of what validation data choose.
    """

    parameter: str

    def __init__(self, head: HeadParams, seed: int) -> None: ...

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        """Each candidate of the parameter with what was fitted for it: float64, but for whole numbers.

        Equal samples, parameters and seed give equal tensors. `validation` may end a training, and fits nothing.
        """
        ...

    @staticmethod
    def module(state: State) -> nn.Module:
        """The module that `state` fills: features (B, width) → logits (B, classes). Exports to ONNX."""
        ...


def standardisation(samples: Samples) -> tuple[Array, float]:
    """Mean (width,) of the features, and one scale for all of them: the deviation of their values.

    One scale, not one each: a feature that hardly ever fires would get a huge weight, which counts on the first
    sample in which it does fire.
    """
    features, weights = samples.features, samples.weights
    if weights is None:
        return features.mean(axis=0, dtype=np.float64), float(features.std(dtype=np.float64)) or 1.0
    mean = weights @ features / samples.total
    squares = ((features - mean.mean()) ** 2).mean(axis=1)
    return mean, float(np.sqrt(weights @ squares / samples.total)) or 1.0


def linear_state(weight: Array, bias: Array, mean: Array, scale: float) -> State:
    """`weight` (classes, width) and `bias` (classes,) for (features - mean) / scale, as those for features."""
    plain = np.ascontiguousarray(weight / scale)
    return {"weight": torch.from_numpy(plain), "bias": torch.from_numpy(bias - plain @ mean)}


def as_outputs(weight: Array, bias: Array, link: Link) -> tuple[Array, Array]:
    """`weight` (outputs, D) and `bias` (outputs,) of a least-squares fit to columns, as those of outputs.

    A share p of a label becomes 4 (p - 1/2): the line that touches the sigmoid's inverse at 1/2, where decisions turn.
    """
    return (4 * weight, 4 * bias - 2) if link == "sigmoid" else (weight, bias)


def linear_module(state: State) -> nn.Module:
    """`weight` (classes, width) and `bias` (classes,) as a linear layer."""
    classes, width = state["weight"].shape
    return filled(nn.Linear(width, classes, device="meta"), state)


def filled(module: nn.Module, state: State) -> nn.Module:
    """`module`, made on torch's meta device, with the tensors of `state` for its own."""
    module.load_state_dict(state, assign=True)
    return module


def _are_weights(weights: Array, count: int) -> bool:
    return bool(
        weights.shape == (count,) and np.isfinite(weights).all() and weights.min() >= 0 and weights.sum() > 0
    )
