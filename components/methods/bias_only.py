"""BitFit: only biases learn, and the head.

Ben Zaken, Goldberg, Ravfogel: BitFit, ACL 2022. Of a layer y = f(W x + b), W stays and b moves; of a norm, the
shift. With `tune.blocks` = b, these are the biases of the last b blocks and of what follows them:

    phase `head`    head_epochs            head at learning_rate
    phase `biases`  epochs - head_epochs   head and biases at learning_rate

Running statistics stay as they were: they are no biases.
"""

from components.errors import ParamsError
from components.methods.base import Group, Phase, Tunable, cut_above
from components.params.learning import TuneParams


class BiasOnly:
    """Answers 'what trains?': the head and the biases above the cut."""

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune

    def cut(self, blocks: int) -> int:
        return cut_above(blocks, self._tune.blocks)

    def phases(self, network: Tunable) -> tuple[Phase, ...]:
        tune = self._tune
        names = tuple(name for name in network.above_names() if name.rsplit(".", 1)[-1] == "bias")
        if not names:
            raise ParamsError(
                "tune.method bias_only: the layers above the cut have no biases.",
                "Raise tune.blocks, or take another method.",
            )
        head = Group(network.head_names(), tune.learning_rate)
        first = Phase("head", tune.head_epochs, (head,), adapt_statistics=False)
        groups = (head, Group(names, tune.learning_rate))
        then = Phase("biases", tune.epochs - tune.head_epochs, groups, adapt_statistics=False)
        return (first, then) if tune.head_epochs else (then,)
