"""What a network really does while it trains, step by step: seen from within, by hooks, and not by asking the loop."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.methods.base import unit_of
from components.training.loop import Loop


@dataclass(frozen=True)
class Modes:
    """Of one epoch's training steps, all alike; units are numbered as the backbone's.

    Attributes:
        learns: names of the parameters that may move.
        batch, moved: units whose batch norms take mean and variance from the batch; move their running ones.
        drops: units whose dropouts drop.
    """

    phase: str
    learns: frozenset[str]
    batch: frozenset[int]
    moved: frozenset[int]
    drops: frozenset[int]


class Watched:
    """Looks on while a loop trains.

    Attributes:
        epochs: of each epoch that it ran, by number.
        numbers: state of the random generator behind each epoch's last training step.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._network = loop.network
        self._units: dict[str, set[int]] = {}
        self.epochs: dict[int, Modes] = {}
        self.numbers: dict[int, bytes] = {}
        self._before: dict[nn.Module, list[Tensor]] = {}
        for path, module in loop.network.backbone.named_modules():
            if isinstance(module, _BatchNorm | nn.Dropout):
                module.register_forward_pre_hook(self._look)
                module.register_forward_hook(partial(self._note, unit_of(path)))
        loop.network.head.register_forward_hook(self._step)

    def _look(self, module: nn.Module, _: object) -> None:
        self._before[module] = [buffer.clone() for buffer in module.buffers()]

    def _note(self, unit: int, module: nn.Module, *_: object) -> None:
        before = self._before[module]
        moved = any(not torch.equal(a, b) for a, b in zip(before, module.buffers(), strict=True))
        if not torch.is_grad_enabled():
            assert not module.training, "a validation sample has changed something"
        for name, holds in (
            ("batch", isinstance(module, _BatchNorm) and module.training),
            ("moved", moved),
            ("drops", isinstance(module, nn.Dropout) and module.training),
        ):
            self._units.setdefault(name, set()).update({unit} if holds else set())

    def _step(self, *_: object) -> None:
        """At the end of each pass: what it did is what the epoch's other steps did."""
        seen = {name: frozenset(units) for name, units in self._units.items()}
        self._units.clear()
        if not torch.is_grad_enabled():
            return
        learns = {name for name, parameter in self._network.named_parameters() if parameter.requires_grad}
        phase, empty = self._loop.phases[self._loop.counters.phase].name, frozenset[int]()
        modes = Modes(phase, frozenset(learns), *(seen.get(n, empty) for n in ("batch", "moved", "drops")))
        epoch = self._loop.counters.epochs
        assert self.epochs.setdefault(epoch, modes) == modes
        self.numbers[epoch] = torch.get_rng_state().numpy().tobytes()
