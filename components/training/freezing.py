"""What may move in a phase, and the proof that nothing else did."""

import hashlib
from collections.abc import Mapping, Set

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.errors import TrainingError, short_digests
from components.methods.base import Phase

# Backbones bring a momentum for 10^5 steps (0.01); in the few hundred of a transfer, running statistics would
# lag behind the weights. Measured on EfficientNet-Lite0 after 5 epochs: validation loss 0.79 with 0.01, 0.38
# with 0.1.
MOMENTUM = 0.1


def unfreeze(network: nn.Module, phase: Phase) -> None:
    """Let exactly the phase's parameters learn, and set the layers' modes to fit.

    A layer is in training mode if some of its parameters train. A layer without parameters (dropout) follows
    what holds it. A norm moves its running statistics only if it trains and the phase adapts statistics.
    """
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in phase.trained)
    _set_mode(network, "", phase, held_by=False)


def _set_mode(module: nn.Module, prefix: str, phase: Phase, held_by: bool) -> None:
    names = [f"{prefix}{name}" for name, _ in module.named_parameters()]
    training = any(name in phase.trained for name in names) if names else held_by
    if isinstance(module, _BatchNorm):
        training = training and phase.adapt_statistics
        module.momentum = MOMENTUM
    module.training = training
    for name, child in module.named_children():
        _set_mode(child, f"{prefix}{name}.", phase, training)


def frozen_state(network: nn.Module, trained: Set[str]) -> dict[str, Tensor]:
    """Every parameter that does not train, and every buffer of a layer none of whose parameters train."""
    state: dict[str, Tensor] = {}
    for path, module in network.named_modules():
        prefix = f"{path}." if path else ""
        own = {f"{prefix}{name}": p for name, p in module.named_parameters(recurse=False)}
        state.update({name: p for name, p in own.items() if name not in trained})
        if not any(name in trained for name in own):
            state.update({f"{prefix}{name}": b for name, b in module.named_buffers(recurse=False)})
    return state


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def require_equal(before: str, after: str, what: str) -> None:
    """TrainingError if something frozen moved."""
    if before != after:
        raise TrainingError(
            f"Frozen layers changed while {what}: {' before, '.join(short_digests(before, after))} after.",
            "A layer writes to its weights or statistics in evaluation mode; nothing has been published.",
        )
