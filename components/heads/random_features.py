"""A kernel head: random Fourier features (Rahimi & Recht, NeurIPS 2007, algorithm 1) and ridge regression on them.

    z(x) = √2 · cos(Ω x + φ),   ω ~ N(0, I / σ²),   φ ~ U(0, 2π),   D = head.components of them

z(x)·z(x') / D tends to exp(-‖x - x'‖² / 2σ²) as D grows. Not divided by √D, each z has unit variance, so that `head.l2`
means what it means to the linear heads.

σ = head.bandwidth · √(2 · total variance), the root of the mean squared distance between two samples. The usual
heuristic takes the median distance (Garreau et al., arXiv:1707.07269), which parts of the data cannot add up; the
mean they can, and in many dimensions the two are nearly one (1.41 and 1.45 standard deviations in the demo).

So everything follows from sums: sites add up `Moments`, draw the same cosines from the total, and add up `Statistics`,
which `solve` turns into the very head that all samples in one place would give. See docs/methods.md.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.errors import DataError
from components.heads import ridge
from components.heads.base import Array, Samples, State, as_outputs, filled
from components.heads.ridge import Statistics, solve
from components.params.learning import HeadParams
from components.problems.base import Link


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums that say where features lie and how far they spread: count Σ w, total Σ w x (width,), squares Σ w ‖x‖²."""

    count: float
    total: Array
    squares: float

    def __add__(self, other: "Moments") -> "Moments":
        """DataError: the features are of another width."""
        if self.total.shape != other.total.shape:
            raise DataError(
                f"Features of {len(self.total)} and of {len(other.total)} numbers cannot be added."
            )
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> Array:
        return np.asarray(self.total / self.count)

    @property
    def variance(self) -> float:
        """Mean squared distance from the mean."""
        return max(self.squares / self.count - float(self.mean @ self.mean), 0.0)


@dataclass(frozen=True, eq=False)
class Cosines:
    """The drawn map z: features (N, width) → float64 (N, D). `about` says how it was drawn.

    Attributes:
        frequencies: (D, width). phases: (D,).
    """

    frequencies: Array
    phases: Array
    about: str

    def __call__(self, features: npt.NDArray[np.float32]) -> Array:
        angles: Array = features @ self.frequencies.T + self.phases
        return np.asarray(np.sqrt(2.0) * np.cos(angles))


def moments(samples: Samples) -> Moments:
    """Of one part of the data."""
    rows = samples.features.astype(np.float64)
    return Moments(samples.total, samples.masses @ rows, float(samples.masses @ (rows**2).sum(axis=1)))


def draw(total: Moments, components: int, bandwidth: float, seed: int) -> Cosines:
    """The same map wherever the total of the moments and the other arguments are the same."""
    generator = np.random.default_rng(seed)
    sigma = bandwidth * np.sqrt(2 * total.variance) or 1.0
    drawn = generator.standard_normal((components, len(total.total)))
    frequencies, phases = drawn / sigma, generator.uniform(0, 2 * np.pi, components)
    about = (
        f"{components} cosines, bandwidth {bandwidth:g}, seed {seed}, moments of {total.count:g} samples "
        f"({_digest(total, drawn, phases)})"
    )
    # Within one turn, single precision keeps the angle.
    centred = np.mod(phases - frequencies @ total.mean, 2 * np.pi)
    return Cosines(frequencies, centred, about)


def _digest(total: Moments, drawn: Array, phases: Array) -> str:
    """Of all that frequencies and phases follow from. Nine digits of the moments: their order may differ by site."""
    said = ",".join(f"{number:.9g}" for number in (total.count, total.squares, *total.total))
    return hashlib.sha256(said.encode() + drawn.tobytes() + phases.tobytes()).hexdigest()[:16]


def statistics(samples: Samples, cosines: Cosines) -> Statistics:
    """Of one part of the data. Its size depends on the number of cosines and classes only."""
    return ridge.statistics(samples, cosines, cosines.about)


def state_of(cosines: Cosines, total: Statistics, l2: float, link: Link = "softmax") -> State:
    """The head that `solve` finds."""
    weight, bias = as_outputs(*solve(total, l2), link)
    arrays = {
        "cosines.weight": cosines.frequencies,
        "cosines.bias": cosines.phases,
        "output.weight": weight * np.sqrt(2.0),
        "output.bias": bias,
    }
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


class Kernel(nn.Module):
    """Features (B, width) → outputs (B, outputs)."""

    def __init__(self, width: int, components: int, outputs: int) -> None:
        super().__init__()
        self.cosines = nn.Linear(width, components)
        self.output = nn.Linear(components, outputs)

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.output(torch.cos(self.cosines(features)))
        return outputs


class RandomFeatures:
    """A curved boundary at the price of a linear system; can be fitted where the data may not be brought together."""

    parameter = "l2"

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._head, self._seed = head, seed

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        cosines = draw(moments(training), self._head.components, self._head.bandwidth, self._seed)
        total = statistics(training, cosines)
        for l2 in self._head.l2:
            yield l2, state_of(cosines, total, l2, training.link)

    @staticmethod
    def module(state: State) -> nn.Module:
        (components, width), classes = state["cosines.weight"].shape, len(state["output.bias"])
        with torch.device("meta"):
            empty = Kernel(width, components, classes)
        return filled(empty, state)
