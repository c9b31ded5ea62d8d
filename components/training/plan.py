"""What the loop is given: the job, its data, its recipe, and who watches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from components.methods.base import Phase, Slow
from components.methods.samples import Samples
from components.problems.base import Network as Problem
from components.tracker import NullTracker, Tracker
from components.training.checkpoints import Checkpoints, Epoch
from components.training.network import Network

CURVES = ("train_loss", "validation_loss", "lr", "criterion")


class Loss(Protocol):
    """Scalar mean loss; outputs (B, …), targets (B, …), weights (B,)."""

    def __call__(
        self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
    ) -> Tensor: ...


# Outputs (B, …), targets (B, …) → name → (B,): what the learning curve shows beside the loss.
Scores = Callable[[Tensor, Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class MeanLoss:
    """A problem's loss as a mean over its terms: Σ wᵢ sᵢ / Σ cᵢ of the samples' sums s and counts c.

    Weights are 1 on average over all samples, so a batch of small ones counts less, one of zeros not at all.
    """

    problem: Problem

    def __call__(
        self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
    ) -> Tensor:
        sums, counts = self.problem.loss(outputs, targets, label_smoothing)
        return (sums if weights is None else weights * sums).sum() / counts.sum().clamp_min(1)


def no_scores(outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
    """The loss alone says how a training goes."""
    return {}


@dataclass(frozen=True)
class Job:
    """The network with its objectives, the problem's loss, and the answers to the three questions (`methods.base`).

    Attributes:
        weights: (N,), how much each training sample counts; none: all alike.
    """

    network: Network
    loss: Loss
    phases: Sequence[Phase]
    weights: Tensor | None = None
    scores: Scores = no_scores


@dataclass(frozen=True)
class Criterion:
    """What finds the best epoch in place of the validation loss.

    Attributes:
        name: what is measured.
        samples: their targets may be unknown.
        measure: of the head's outputs (N, …) float64; larger is better.
    """

    name: str
    samples: Samples
    measure: Callable[[npt.NDArray[np.float64]], float]


@dataclass(frozen=True)
class Data:
    """
    Attributes:
        validation: labelled; its loss finds the best epoch where there is no criterion.
        unlabelled: samples of the target domain, their labels unseen; drawn beside each batch.
        source: training samples that the network was trained on before; none where its head is fresh.
    """

    train: Samples
    validation: Samples
    unlabelled: Samples | None = None
    source: Samples | None = None
    criterion: Criterion | None = None


@dataclass(frozen=True)
class Recipe:
    """How the loop goes.

    Attributes:
        patience: epochs of a phase without a better one until the phase ends; none: never.
        slow: how weights follow the optimiser's; none: they are its own.
    """

    seed: int = 0
    batch: int = 32
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    patience: int | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int = 1
    slow: Slow | None = None


@dataclass(frozen=True)
class Watch:
    """Who looks on, and where an unfinished training is kept; neither changes the result.

    Attributes:
        section: of params.yaml, for remedies.
        prefix: of the names of what the tracker hears, where several trainings share one run.
    """

    name: str = "Training"
    tracker: Tracker = field(default_factory=NullTracker)
    checkpoints: Checkpoints | None = None
    prefix: str = ""
    section: str = "tune"

    def hear(self, line: Epoch) -> None:
        """Tell the tracker what an epoch gave."""
        heard = {name: getattr(line, name) for name in CURVES}
        heard |= {f"validation_{name}": value for name, value in line.validation.items()}
        figures = {f"{self.prefix}{name}": float(v) for name, v in heard.items() if v is not None}
        self.tracker.metrics(figures, line.epoch)


@dataclass(frozen=True)
class Outcome:
    """What a training has to say; the network itself holds the weights of the best epoch.

    Attributes:
        frozen_before, frozen_after: fingerprints of what no phase trains.
        seconds: spent in epochs, interruptions left out.
        micro_batch: samples that went through the network at once, where memory did not hold a batch; 0: it did.
    """

    best: Epoch
    history: tuple[Epoch, ...]
    steps: int
    seconds: float
    precision: str
    frozen_before: str
    frozen_after: str
    micro_batch: int = 0

    @property
    def notes(self) -> dict[str, object]:
        """What the result says of itself where it is not what the parameters alone would give."""
        return {"micro_batch": self.micro_batch} if self.micro_batch else {}
