"""Layer-wise learning-rate decay: the lower a layer, the slower it learns.

Clark, Luong, Le, Manning: ELECTRA, ICLR 2020, appendix A; as discriminative fine-tuning in Howard & Ruder, ACL 2018,
section 3.1. The k-th unit from the top, k = 1 the uppermost, learns at

    learning_rate * layer_decay ** k

and the head at learning_rate, after head_epochs alone (Kumar et al., ICLR 2022).
"""

from components.methods.base import Group, Phase, Tunable, cut_above, unit_of
from components.params.learning import TuneParams


class LayerwiseRates:
    """Answers 'what trains?': all above the cut, each unit at a rate of its own."""

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune

    def cut(self, blocks: int) -> int:
        return cut_above(blocks, self._tune.blocks)

    def phases(self, network: Tunable) -> tuple[Phase, ...]:
        tune = self._tune
        head = Group(network.head_names(), tune.learning_rate)
        units = sorted({unit_of(name) for name in network.above_names()}, reverse=True)
        groups = [
            Group(
                tuple(name for name in network.above_names() if unit_of(name) == unit),
                tune.learning_rate * tune.layer_decay**depth,
            )
            for depth, unit in enumerate(units, 1)
        ]
        first = Phase("head", tune.head_epochs, (head,), adapt_statistics=False)
        then = Phase("units", tune.epochs - tune.head_epochs, (head, *groups))
        return (first, then) if tune.head_epochs else (then,)
