"""One hidden layer of rectified units, after Goodfellow, Bengio, Courville: Deep Learning, 2016, chapter 6.

    outputs = V relu(W x + a) + b;   min  Σ wᵢ · lossᵢ / Σ wᵢ  +  l2/2 · (‖W‖² + ‖V‖²)

by Adam (Kingma & Ba, ICLR 2015) on batches of centred features of one scale. A round is an epoch, or so many of few
samples that it has STEPS steps. Training ends PATIENCE rounds after the best validation loss, and keeps the weights
of then (Goodfellow et al., section 7.8).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components.errors import NonFiniteLoss
from components.heads.base import Array, Samples, State, filled, linear_state, standardisation
from components.params.learning import HeadParams
from components.problems.base import Network as Problem

ROUNDS, PATIENCE, STEPS, BATCH, RATE = 100, 5, 20, 64, 1e-3
LEAST = 1e-3  # share of the loss that counts as better


class Hidden(nn.Module):
    """Features (B, width) → outputs (B, outputs)."""

    def __init__(self, width: int, hidden: int, output: nn.Module) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, hidden)
        self.output = output

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.output(torch.relu(self.hidden(features)))
        return outputs


@dataclass(frozen=True)
class _Tensors:
    rows: Tensor
    targets: Tensor
    shares: Tensor
    problem: Problem


class Perceptron:
    """Bends where a line does not fit; needs some hundred samples a class to gain by it."""

    parameter = "l2"

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._head, self._seed = head, seed

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        mean, scale = standardisation(training)
        fitted, held = (_tensors(samples, mean, scale) for samples in (training, validation))
        for l2 in self._head.l2:
            network = self._fresh(training)
            self._train(network, fitted, held, l2)
            hidden = network.hidden.double().requires_grad_(False)
            first = linear_state(hidden.weight.numpy(), hidden.bias.numpy(), mean, scale)
            last = affine(network.output, self._head.hidden)
            state = {f"hidden.{name}": tensor for name, tensor in first.items()}
            yield l2, state | {f"output.{name}": tensor for name, tensor in last.items()}

    @staticmethod
    def module(state: State) -> nn.Module:
        (hidden, width), outputs = state["hidden.weight"].shape, len(state["output.bias"])
        with torch.device("meta"):
            empty = Hidden(width, hidden, nn.Linear(hidden, outputs))
        return filled(empty, state)

    def _fresh(self, training: Samples) -> Hidden:
        """Weights from the seed alone; the global generator is not moved."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            width, hidden = training.features.shape[1], self._head.hidden
            return Hidden(width, hidden, training.problem.head(hidden))

    def _train(self, network: Hidden, training: _Tensors, validation: _Tensors, l2: float) -> None:
        groups: list[dict[str, Any]] = [  # as torch types them
            {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": l2},
            {"params": [p for p in network.parameters() if p.ndim == 1]},
        ]
        optimiser = torch.optim.Adam(groups, lr=RATE)
        best, kept, waited = float("inf"), network.state_dict(), 0
        for number in range(ROUNDS):
            self._run_round(network, optimiser, training, number)
            with torch.inference_mode():
                loss = float(_loss(network, validation, slice(None)).mean())
            if not np.isfinite(loss):
                raise NonFiniteLoss(f"The MLP's validation loss is {loss} with l2 {l2:g}.", "Lower head.l2.")
            waited += 1
            if loss < best * (1 - LEAST):
                best, waited = loss, 0
                kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            if waited == PATIENCE:
                break
        network.load_state_dict(kept)

    def _run_round(
        self, network: Hidden, optimiser: torch.optim.Optimizer, data: _Tensors, number: int
    ) -> None:
        for batch in _batches(np.random.default_rng([self._seed, number]), len(data.targets)):
            losses = _loss(network, data, batch)
            optimiser.zero_grad()
            (data.shares[batch] * losses).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()


def affine(head: nn.Module, width: int) -> State:
    """A problem's own head, W x + b of whatever parts, as `weight` and `bias` of one linear layer, in float64."""
    if isinstance(head, nn.Linear):
        return {name: tensor.detach().double() for name, tensor in head.state_dict().items()}
    with torch.inference_mode():
        exact = head.double()
        bias = exact(torch.zeros(1, width, dtype=torch.float64))
        weight = (exact(torch.eye(width, dtype=torch.float64)) - bias).T
    return {"weight": weight.clone().contiguous(), "bias": bias[0].clone()}


def _loss(network: Hidden, data: _Tensors, batch: Tensor | slice) -> Tensor:
    """(B,) losses of the samples of a batch."""
    sums, counts = data.problem.loss(network(data.rows[batch]), data.targets[batch])
    return sums / counts.clamp_min(1)


def _batches(generator: np.random.Generator, samples: int) -> Iterator[Tensor]:
    """Indices of one round, in batches."""
    for _ in range(math.ceil(STEPS / math.ceil(samples / BATCH))):
        order = torch.from_numpy(generator.permutation(samples))
        yield from torch.split(order, BATCH)


def _tensors(samples: Samples, mean: Array, scale: float) -> _Tensors:
    rows = torch.from_numpy((samples.features - mean) / scale).float()
    shares = torch.from_numpy(samples.shares).float()
    return _Tensors(rows, torch.from_numpy(samples.problem.collate(samples.targets)), shares, samples.problem)
