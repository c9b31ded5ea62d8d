"""TENT: the scales and shifts of norms learn to make the answers to the target's samples sure.

Wang, Shelhamer, Liu, Olshausen, Darrell: Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR 2021, section
3: with ŷ = softmax of the logits, the mean over a batch of

    H(ŷ) = - Σ_c p(ŷ_c) log p(ŷ_c)

is lowered with respect to γ and β of the norms alone; batch norms take mean and variance from the batch while they
learn. Adam at 0.001 for batches of 128, as in section 4 (smaller batches, smaller rate by the same factor), and for
`tune.then_epochs`.

The paper's network goes on adapting as it serves; a release does not, and it normalises by running statistics. So they
are taken again from the whole target at the end, with the γ and β that were learned: what is measured is what is
shipped. Layer norms have none. Only norms above the cut learn, less those parameters that `tune.freeze` names.
"""

import re

import torch
from torch import Tensor

from components.errors import ParamsError
from components.methods.adaptation import Adaptable, Target, batch_norms, restate, statistics
from components.methods.base import NORMS, Tunable
from components.methods.probabilities import log_probabilities
from components.params.tuning import TuneParams

RATE, BATCH = 1e-3, 128


class Tent:
    """Answers 'what follows training?': sure answers, by the norms alone."""

    def __init__(self, tune: TuneParams) -> None:
        self._epochs = tune.then_epochs
        self._rate = RATE * tune.batch / BATCH
        self._freeze = tune.freeze

    def moves(self, network: Tunable) -> frozenset[str]:
        found = self._learn(network)
        if not found:
            raise ParamsError(
                "tune.then tent: there are no norms above the cut whose scale and shift may learn.",
                "Raise tune.blocks, or change tune.freeze.",
            )
        return found | statistics(network)

    def __call__(self, network: Adaptable, target: Target) -> None:
        names = self._learn(network)
        network.eval()
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in names)
        norms = batch_norms(network)
        for norm in norms.values():
            norm.train()
        adam = torch.optim.Adam(
            [p for p in dict(network.named_parameters()).values() if p.requires_grad], lr=self._rate
        )
        for epoch in range(self._epochs):
            for inputs in target.shuffled(epoch):
                adam.zero_grad()
                doubt(network(inputs)).backward()  # type: ignore[no-untyped-call]
                adam.step()
        if norms:
            restate(network, target.each)

    def _learn(self, network: Tunable) -> frozenset[str]:
        norms = {path for path, module in network.named_modules() if isinstance(module, NORMS)}
        names = [name for name in network.above_names() if name.rpartition(".")[0] in norms]
        return frozenset(n for n in names if not any(re.search(pattern, n) for pattern in self._freeze))


def doubt(logits: Tensor) -> Tensor:
    """Mean entropy, in nats, of logits (n, classes)."""
    logs = log_probabilities(logits)
    return -(logs.exp() * logs).sum(1).mean()
