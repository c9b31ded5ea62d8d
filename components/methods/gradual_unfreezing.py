"""Gradual unfreezing: the head, then unit after unit from the top.

Howard & Ruder: Universal Language Model Fine-tuning (ULMFiT), ACL 2018, section 3.3: what is most general, the lowest
layers, moves last and least. With u units above the cut and e = epochs - head_epochs:

    phase `head`     head_epochs   head at learning_rate
    phase `units k`  e / p each    head at learning_rate, the upper k units at UNIT_SHARE * learning_rate

in p = min(u, e) phases; where u > e, several units thaw at once. Epochs that do not divide go to the last phases.
"""

from components.methods.base import Group, LastBlocksMethod, Phase, Tunable, unit_of

UNIT_SHARE = 0.5


class GradualUnfreezing(LastBlocksMethod):
    """Answers 'what trains?': more and more, from the top down."""

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        units = sorted({unit_of(name) for name in network.above_names()}, reverse=True)
        count = min(len(units), epochs)
        made = []
        for number in range(1, count + 1):
            thawed = set(units[: round(number * len(units) / count)])
            names = tuple(name for name in network.above_names() if unit_of(name) in thawed)
            share = number * epochs // count - (number - 1) * epochs // count
            made.append(Phase(f"units {len(thawed)}", share, (head, Group(names, head.rate * UNIT_SHARE))))
        return tuple(made)
