"""Where in a sample a decision comes from."""

from collections.abc import Callable

import torch
from torch import Tensor

Run = Callable[[Tensor], Tensor]


def evidence_map(below: Run, above: Run, samples: Tensor, targets: Tensor) -> Tensor:
    """HiResCAM (Draelos and Carin, arXiv:2011.08891): relu(sum over channels of gradient x activation).

    As Grad-CAM, but each position keeps its own gradient. Where `above` is a linear layer after pooling over
    positions, this is the exact share that a position has in the logit, up to the bias.

    Args:
        below: samples → activations (B, C, h, w), or of texts (B, tokens, C). above: activations → logits
            (B, classes).
        samples: pre-processed, as `below` wants them. targets: int64 (B,), the class to explain.

    Returns:
        (B, h, w), or (B, tokens), in 0…1, each map divided by its largest value; all zeros where nothing spoke
        for the class, or where `above` has no gradient.
    """
    with torch.no_grad():
        activations = below(samples)
    channels = 1 if activations.ndim == 4 else -1
    with torch.enable_grad():
        watched = activations.detach().requires_grad_(True)
        logits = above(watched)
        if not logits.requires_grad:  # votes are counted
            return torch.zeros_like(activations.sum(dim=channels))
        chosen = logits.gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, watched)
    maps = torch.relu((gradient * watched.detach()).sum(dim=channels))
    largest = maps.amax(dim=tuple(range(1, maps.ndim)), keepdim=True)
    return torch.where(largest > 0, maps / largest.clamp_min(1e-12), torch.zeros_like(maps))
