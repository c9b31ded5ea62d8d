"""Layer-wise learning-rate decay: the lower a layer, the slower it learns.

Howard & Ruder: Universal Language Model Fine-tuning, ACL 2018, section 3.1 (discriminative fine-tuning): each layer
learns at the rate of the one above it, divided by 2.6. Here the factor is layer_decay: the k-th unit from the top,
k = 1 the uppermost, learns at

    learning_rate * layer_decay ** k

and the head at learning_rate, after head_epochs alone (Kumar et al., ICLR 2022). Clark, Luong, Le, Manning: ELECTRA,
ICLR 2020, appendix A, decays the rates, too; its program leaves one step more between head and uppermost layer
(decay ** (k + 1)).
"""

from components.methods.base import Group, LastBlocksMethod, Phase, Tunable, unit_of


class LayerwiseRates(LastBlocksMethod):
    """Answers 'what trains?': all above the cut, each unit at a rate of its own."""

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        units = sorted({unit_of(name) for name in network.above_names()}, reverse=True)
        groups = [
            Group(
                tuple(name for name in network.above_names() if unit_of(name) == unit),
                head.rate * self._tune.layer_decay**depth,
            )
            for depth, unit in enumerate(units, 1)
        ]
        return (Phase("units", epochs, (head, *groups)),)
