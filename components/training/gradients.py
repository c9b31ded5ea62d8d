"""Gradients of several losses that share parameters."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Combine = Callable[[Tensor], Tensor]


def backward_each(losses: Sequence[Tensor], parameters: Sequence[nn.Parameter], combine: Combine) -> None:
    """Set each parameter's gradient: where several losses reach it, what `combine` makes of theirs.

    `combine` gets (losses, P), the gradients by all such parameters in their order, and returns (P,). A parameter that
    one loss alone reaches gets that loss's gradient, and one that none reaches gets none.
    """
    each = [torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True) for loss in losses]
    shared: list[int] = []
    for number, parameter in enumerate(parameters):
        reached = [found[number] for found in each if found[number] is not None]
        if len(reached) > 1:
            shared.append(number)
        elif reached:
            parameter.grad = _laid_out(reached[0], parameter)
    if not shared:
        return
    rows = [torch.cat([_flat(found[number], parameters[number]) for number in shared]) for found in each]
    parts = torch.split(combine(torch.stack(rows)), [parameters[number].numel() for number in shared])
    for number, part in zip(shared, parts, strict=True):
        parameter = parameters[number]
        parameter.grad = _laid_out(part.view(parameter.shape), parameter)


def _flat(gradient: Tensor | None, parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter).flatten() if gradient is None else gradient.flatten()


def _laid_out(gradient: Tensor, parameter: nn.Parameter) -> Tensor:
    """In the parameter's own memory layout, which fused optimisers take for granted."""
    return torch.empty_like(parameter, requires_grad=False).copy_(gradient)
