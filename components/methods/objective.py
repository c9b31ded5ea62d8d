"""What is added to the loss: the protocol of objectives, and what they see of a step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor, nn

from components.methods.samples import Inputs


@dataclass(frozen=True)
class Unlabelled:
    """A batch of the target domain beside the labelled one; its labels are not seen.

    Attributes:
        inputs: (U, …). features: (U, width) float32. logits: (U, classes) float32.
    """

    inputs: Inputs
    features: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Step:
    """One batch on its way through the loop.

    Attributes:
        indices: (B,) int64, positions in the training samples.
        inputs: what the network saw, (B, …).
        features: what the head saw, (B, width) float32.
        targets: (B,) int64.
        logits: (B, classes) float32.
        epoch: counted from 0 over all phases.
        progress: share of all planned steps that lies behind, 0 to 1.
        number: how many steps lie behind.
        unlabelled: None where there are no such samples.
    """

    network: "Trained"
    indices: Tensor
    inputs: Inputs
    features: Tensor
    targets: Tensor
    logits: Tensor
    epoch: int
    progress: float = 0.0
    unlabelled: Unlabelled | None = None
    number: int = 0

    @property
    def beside(self) -> Unlabelled:
        """The unlabelled batch, for objectives that declared their need of it."""
        assert self.unlabelled is not None, "the needs of objectives are checked before any work"
        return self.unlabelled


@dataclass(frozen=True)
class Shape:
    """What an objective must know before it can make parameters of its own.

    Attributes:
        width: of the features. classes: of the logits.
        seed: the whole of its randomness at the start.
    """

    width: int
    classes: int
    seed: int


@dataclass(frozen=True)
class Start:
    """Where training starts from: the network before its first step, and the source domain's training samples.

    Attributes:
        network: in evaluation mode.
        source: batches of (inputs (B, …), targets (B,)) of the source's training samples, the same at each call,
            where the network was trained on them before (`tune.start: source`); none where its head is fresh.
    """

    network: "Trained"
    source: Callable[[], Iterator[tuple[Inputs, Tensor]]] | None = None


class Trained(Protocol):
    """What an objective may ask of the network."""

    def __call__(self, inputs: Inputs) -> Tensor:
        """Inputs (B, …) → logits (B, classes)."""
        ...

    def features(self, inputs: Inputs) -> Tensor:
        """Inputs (B, …) → features (B, width)."""
        ...

    def trainable(self) -> dict[str, nn.Parameter]:
        """`backbone.…` above the cut and `head.…`, whether or not the running phase trains them."""
        ...

    def copied(self) -> "Trained":
        """A copy of its own, frozen, in evaluation mode."""
        ...


class Objective(nn.Module):
    """Answers 'what is added to the loss?': a scalar, already multiplied by its weight.

    Parameters of its own learn at the head's rate, and go when training ends.

    Attributes:
        whole_batch: False where it is a mean over the labelled or the unlabelled samples, or a function of the weights
            alone: then a batch's value is the mean of its parts', each counted by its share, and a batch that memory
            does not hold can be taken in parts.
    """

    whole_batch: ClassVar[bool] = True

    def begin(self, start: Start) -> None:
        """Look at the network before its first step; again, with the same result, in a training that resumes."""

    def forward(self, step: Step) -> Tensor:
        raise NotImplementedError
