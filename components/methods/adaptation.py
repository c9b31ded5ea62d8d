"""What may follow training: the network meets unlabelled samples of its target, and is then shipped as it is.

A release is a graph that learns nothing while it serves. So what others do at test time is done here, once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.methods.base import Tunable
from components.methods.samples import Inputs


class Adaptable(Tunable, Protocol):
    """A network above its cut."""

    def __call__(self, inputs: Inputs) -> Tensor:
        """Inputs (B, …) → logits (B, classes)."""
        ...

    def eval(self) -> nn.Module: ...


Batches = Callable[[], Iterator[Inputs]]


@dataclass(frozen=True)
class Target:
    """Unlabelled samples as the release will see them.

    Attributes:
        each: batches (B, …) that show every sample once.
        shuffled: whole batches in an order that follows from the epoch's number.
    """

    each: Batches
    shuffled: Callable[[int], Iterator[Inputs]]


class Adaptation(Protocol):
    """Answers 'what follows training?'."""

    def moves(self, network: Tunable) -> frozenset[str]:
        """Names of the parameters and buffers above the cut that it may change; all else stays bit-equal.

        Raises ParamsError where there is nothing that it could change.
        """
        ...

    def __call__(self, network: Adaptable, target: Target) -> None: ...


def batch_norms(network: Tunable) -> dict[str, _BatchNorm]:
    """Those above the cut, by their paths."""
    above = set(network.above_names())
    return {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) and f"{path}.weight" in above
    }


def statistics(network: Tunable) -> frozenset[str]:
    """Names of the batch norms' buffers above the cut."""
    return frozenset(
        f"{path}.{name}" for path, norm in batch_norms(network).items() for name, _ in norm.named_buffers()
    )


@torch.no_grad()
def restate(network: Adaptable, each: Batches) -> None:
    """Set every batch norm's running mean and variance to those of what it sees of all samples, in evaluation mode.

    One norm after the other from the input on, since what a norm sees depends on those before it: so the statistics
    are exactly those of the network that is shipped, whatever the batches, and rounding aside whatever the order.
    It costs a pass over the samples for each norm, up to that norm.
    """
    network.eval()
    for norm in _in_order(network, batch_norms(network), each):
        moments = _Moments()
        with norm.register_forward_pre_hook(moments):
            for inputs in each():
                try:
                    network(inputs)
                except _Seen:
                    continue
        mean, variance = moments.found()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _in_order(network: Adaptable, norms: Mapping[str, _BatchNorm], each: Batches) -> list[_BatchNorm]:
    """The norms as a sample meets them."""
    met: list[_BatchNorm] = []
    hooks = [norm.register_forward_pre_hook(lambda module, _: met.append(module)) for norm in norms.values()]
    network(next(each()))
    for hook in hooks:
        hook.remove()
    return met


class _Seen(Exception):
    """What lies above a norm that has seen its inputs need not be computed."""


class _Moments:
    """A hook that adds up a norm's inputs (B, channels, …), in float64: sums of squares lose digits."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = torch.zeros(())
        self._squares = torch.zeros(())

    def __call__(self, module: nn.Module, arguments: tuple[Tensor]) -> None:
        seen = arguments[0].double()
        others = [axis for axis in range(seen.ndim) if axis != 1]
        self._count += seen.numel() // seen.shape[1]
        self._sum = self._sum.to(seen) + seen.sum(others)
        self._squares = self._squares.to(seen) + seen.square().sum(others)
        raise _Seen

    def found(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel; the samples are all there is, so the variance is over their number."""
        mean = self._sum / self._count
        return mean, (self._squares / self._count - mean.square()).clamp_min(0)
