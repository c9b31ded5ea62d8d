"""What all answers to a fourth question share: what does the network learn from the data before the task?

4. What is learned beforehand? `Pretraining`: a question that the data can answer themselves, or that makes the network
   quick to learn. The backbone that has learned it is the new checkpoint; the head that answered is thrown away.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import ParamsError
from components.methods.base import Group, Phase, Slow, Tunable, unit_of
from components.methods.samples import Indices, Samples
from components.params.pretrain import PretrainParams

Features = npt.NDArray[np.float32]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Words:
    """What samples are made of that are token ids.

    Attributes:
        size: of the vocabulary. mask: id of the token that hides one. marks: ids that are no words, padding included.
        embedding: the backbone's, (size, width).
    """

    size: int
    mask: int
    marks: tuple[int, ...]
    embedding: nn.Embedding


@dataclass(frozen=True)
class Known:
    """What is known of the samples before anything is computed from them: of the training and the validation side.

    Attributes:
        targets: (N,) and (M,), -1 unless the method sees labels. classes: how many there are, of a problem that offers
            classes.
        tasks: (N,) and (M,), the value of `pretrain.tasks`, empty where none is named, or the sample has none.
    """

    targets: tuple[Indices, Indices]
    classes: int
    tasks: tuple[Names, Names]


def tasks_of(values: Names) -> Names:
    """The tasks that there are. An empty cell is none; where all are empty, all samples are of one."""
    found = np.unique(values)
    return found[found != ""] if (found != "").any() else found


@dataclass(frozen=True)
class Given:
    """What a question may be made of.

    Attributes:
        train, validation: samples; their targets are -1 unless the method sees labels.
        views: how many each training sample has, and each validation sample where the method is `paired`.
        width: of the features. seed: the whole of its randomness.
        features: computes what the frozen network says of both, (N, width) and (M, width).
        words: none where samples are no tokens.
    """

    train: Samples
    validation: Samples
    known: Known
    views: int
    width: int
    seed: int
    features: Callable[[], tuple[Features, Features]]
    words: Words | None = None


@dataclass(frozen=True)
class Posed:
    """A question as the loop takes it: cross-entropy between what `head` says and what samples expect.

    Attributes:
        weights: (N,), how much each training sample counts; none: all alike.
        slow: how weights follow the optimiser's; none: they are its own.
    """

    train: Samples
    validation: Samples
    head: nn.Module
    weights: Tensor | None = None
    slow: Slow | None = None


class Pretraining:
    """Answers 'what is learned beforehand?'.

    Attributes:
        sees: whose samples: those of the target domain, labels unseen (`unlabelled`), of the source's and the target's,
            labels unseen (`all`), or those that the task itself may learn from (`labelled`).
        tokens: samples are token ids at the network's input, instead of activations at a cut.
        paired: validation samples, too, are wanted in all views.
    """

    sees: ClassVar[Literal["unlabelled", "all", "labelled"]] = "unlabelled"
    tokens: ClassVar[bool] = False
    paired: ClassVar[bool] = False

    def __init__(self, params: PretrainParams) -> None:
        self._params = params

    def check(self, known: Known) -> None:
        """Raises DataError where the samples do not suffice for the question."""

    def pose(self, given: Given) -> Posed:
        """The question."""
        raise NotImplementedError

    def cut(self, blocks: int) -> int:
        """Where a backbone of so many blocks is cut. Raises ParamsError where it has not so many to learn."""
        if self._params.blocks > blocks:
            raise ParamsError(
                f"pretrain.blocks is {self._params.blocks}; allowed: 1 to {blocks}, the blocks of this backbone."
            )
        return 0 if self.tokens else blocks - self._params.blocks

    def phase(self, network: Tunable, blocks: int) -> Phase:
        """The head and the last `pretrain.blocks` of so many blocks, from the first step on."""
        still = blocks - self._params.blocks  # units 0 to `still` do not learn, unless all blocks do
        names = tuple(n for n in network.above_names() if not still or unit_of(n) > still)
        groups = (Group(each, self._params.learning_rate) for each in (names, network.head_names()) if each)
        return Phase("pretraining", self._params.epochs, tuple(groups))


def cross_entropy(
    outputs: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Mean over the rows of logits `outputs` (B, C), targets (B,); with weights, which are 1 on average, mean wᵢ lᵢ."""
    if weights is None:
        return F.cross_entropy(outputs, targets, label_smoothing=label_smoothing)
    each = F.cross_entropy(outputs, targets, label_smoothing=label_smoothing, reduction="none")
    return (weights * each).mean()


def accuracy(logits: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
    """(B,), 1 where the largest of logits (B, C) is the target's."""
    return {"accuracy": (logits.argmax(1) == targets).to(logits.dtype)}


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    """A module with weights that depend on `seed` alone; the global generator is not moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
