"""BitFit: only biases learn, and the head.

Ben Zaken, Goldberg, Ravfogel: BitFit, ACL 2022. Of a layer y = f(W x + b), W stays and b moves; of a norm, the
shift. With `tune.blocks` = b, these are the biases of the last b blocks and of what follows them:

    phase `head`    head_epochs            head at learning_rate
    phase `biases`  epochs - head_epochs   head and biases at learning_rate

Running statistics stay as they were: they are no biases.
"""

from components.errors import ParamsError
from components.methods.base import Group, LastBlocksMethod, Phase, Tunable


class BiasOnly(LastBlocksMethod):
    """Answers 'what trains?': the head and the biases above the cut."""

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        names = tuple(name for name in network.above_names() if name.rsplit(".", 1)[-1] == "bias")
        if not names:
            raise ParamsError(
                "tune.method bias_only: the layers above the cut have no biases.",
                "Raise tune.blocks, or take another method.",
            )
        return (Phase("biases", epochs, (head, Group(names, head.rate)), adapt_statistics=False),)
