"""Gradual unfreezing: the head, then unit after unit from the top.

Howard & Ruder: Universal Language Model Fine-tuning (ULMFiT), ACL 2018, section 3.3: what is most general, the lowest
layers, moves last and least. With u units above the cut and e = epochs - head_epochs:

    phase `head`     head_epochs   head at learning_rate
    phase `units k`  e / p each    head at learning_rate, the upper k units at UNIT_SHARE * learning_rate

in p = min(u, e) phases; where u > e, several units thaw at once. Epochs that do not divide go to the last phases.
"""

from components.methods.base import Group, Phase, Tunable, cut_above, unit_of
from components.params.learning import TuneParams

UNIT_SHARE = 0.5


class GradualUnfreezing:
    """Answers 'what trains?': more and more, from the top down."""

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune

    def cut(self, blocks: int) -> int:
        return cut_above(blocks, self._tune.blocks)

    def phases(self, network: Tunable) -> tuple[Phase, ...]:
        tune = self._tune
        head = Group(network.head_names(), tune.learning_rate)
        units = sorted({unit_of(name) for name in network.above_names()}, reverse=True)
        epochs = tune.epochs - tune.head_epochs
        count = min(len(units), epochs)
        made = [Phase("head", tune.head_epochs, (head,), adapt_statistics=False)] if tune.head_epochs else []
        for number in range(1, count + 1):
            thawed = set(units[: round(number * len(units) / count)])
            names = tuple(name for name in network.above_names() if unit_of(name) in thawed)
            share = number * epochs // count - (number - 1) * epochs // count
            groups = (head, Group(names, tune.learning_rate * UNIT_SHARE))
            made.append(Phase(f"units {len(thawed)}", share, groups))
        return tuple(made)
