"""How good a network is on samples that it does not learn from."""

import torch
from torch import Tensor

from components.methods.samples import Samples
from components.training.batches import consecutive, prefetch
from components.training.network import Network
from components.training.plan import Loss


def channels_last(network: Network) -> Network:
    """A CPU trains such convolutions about 1.5 times as fast; names and numbers stay."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def to_device(inputs: Tensor, device: torch.device) -> Tensor:
    """Inputs as the network wants them: float32, channels last where there are channels; token ids as they are."""
    moved = inputs.to(device)
    if not moved.is_floating_point():
        return moved
    moved = moved.float()
    return moved.contiguous(memory_format=torch.channels_last) if moved.ndim == 4 else moved


@torch.inference_mode()
def predict(network: Network, samples: Samples, size: int, device: torch.device) -> Tensor:
    """Logits (N, classes) on the CPU, in float32 throughout, which is what will be shipped."""
    network.eval()
    count = len(samples.targets)
    parts = [
        network(to_device(b.inputs, device)).cpu() for b in prefetch(samples, consecutive(count, size), 0)
    ]
    return torch.cat(parts).float()


@torch.inference_mode()
def features(network: Network, samples: Samples, size: int, device: torch.device) -> Tensor:
    """What the head sees of the samples, (N, width), on the CPU."""
    network.eval()
    chunks = consecutive(len(samples.targets), size)
    parts = [network.features(to_device(b.inputs, device)).cpu() for b in prefetch(samples, chunks, 0)]
    return torch.cat(parts).float()


@torch.inference_mode()
def score(
    network: Network, loss: Loss, samples: Samples, size: int, device: torch.device
) -> tuple[float, float]:
    """Mean loss without label smoothing, and accuracy, in float32 throughout, which is what will be shipped.

    Batch by batch, so that whatever a batch's logits are, two batches need not be alike. Leaves the network in
    evaluation mode.
    """
    network.eval()
    total, hits, count = 0.0, 0, 0
    for batch in prefetch(samples, samples.in_turn(size), 0):
        logits = network(to_device(batch.inputs, device)).cpu().float()
        total += loss(logits, batch.targets).item() * len(batch.targets)
        hits += int((logits.argmax(1) == batch.targets).sum())
        count += len(batch.targets)
    return total / count, hits / count
