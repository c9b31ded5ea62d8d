"""How good a network is on samples that it does not learn from."""

import torch
from torch import Tensor

from components.methods.samples import Inputs, Samples, applied
from components.training.batches import consecutive, prefetch
from components.training.network import Network
from components.training.plan import Job


def channels_last(network: Network) -> Network:
    """A CPU trains such convolutions about 1.5 times as fast; names and numbers stay."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def to_device(inputs: Inputs, device: torch.device) -> Inputs:
    """Inputs as the network wants them: float32, channels last where there are channels; token ids as they are."""
    return applied(inputs, lambda tensor: _moved(tensor, device))


def _moved(inputs: Tensor, device: torch.device) -> Tensor:
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
def score(job: Job, samples: Samples, size: int, device: torch.device) -> tuple[float, dict[str, float]]:
    """Mean loss without label smoothing, and the means of the job's scores, in float32, which is what will be shipped.

    Batch by batch, so that whatever a batch's outputs are, two batches need not be alike. Leaves the network in
    evaluation mode.
    """
    network = job.network.eval()
    total, count = 0.0, 0
    sums: dict[str, float] = {}
    for batch in prefetch(samples, samples.in_turn(size), 0):
        outputs = network(to_device(batch.inputs, device), batch.targets.to(device)).cpu().float()
        total += job.loss(outputs, batch.targets).item() * len(batch.targets)
        for name, each in job.scores(outputs, batch.targets).items():
            sums[name] = sums.get(name, 0.0) + float(each.double().sum())
        count += len(batch.targets)
    return total / count, {name: value / count for name, value in sums.items()}
