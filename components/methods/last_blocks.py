"""Head first, then the last blocks: linear probing, then fine-tuning (LP-FT).

Kumar, Raghunathan, Jones, Ma, Liang: Fine-Tuning can Distort Pretrained Features and Underperform
Out-of-Distribution, ICLR 2022. A head that already fits sends the blocks gradients that mean something.
With a backbone of n blocks and `tune.blocks` = b, the blocks n-b … n-1 and the head convolution train:

    phase `head`    head_epochs            head at learning_rate
    phase `blocks`  epochs - head_epochs   head at learning_rate, blocks at BLOCK_SHARE * learning_rate

The blocks' norms adapt their running statistics. Measured on EfficientNet-Lite0's last 5 blocks (elpv,
validation data, 6 epochs, one run each): AUROC 0.914 and loss 0.33 so, 0.826 and 0.41 with fixed norms.
"""

from components.methods.base import Group, Phase, Tunable, cut_above
from components.params.learning import TuneParams

BLOCK_SHARE = 0.5


class LastBlocks:
    """Answers 'what trains?': the head, then the last `blocks` blocks with it."""

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune

    def cut(self, blocks: int) -> int:
        return cut_above(blocks, self._tune.blocks)

    def phases(self, network: Tunable) -> tuple[Phase, ...]:
        tune = self._tune
        head = Group(network.head_names(), tune.learning_rate)
        blocks = Group(network.above_names(), tune.learning_rate * BLOCK_SHARE)
        first = Phase("head", tune.head_epochs, (head,), adapt_statistics=False)
        then = Phase("blocks", tune.epochs - tune.head_epochs, (head, blocks), adapt_statistics=True)
        return (first, then) if tune.head_epochs else (then,)
