"""AdaBN: batch norms take their statistics from the target; nothing is trained.

Li, Wang, Shi, Liu, Hou: Revisiting Batch Normalization For Practical Domain Adaptation, ICLR 2017 workshop, algorithm
1: with x_j what neuron j sees of all N target samples (of all their positions, in a convolution),

    μ_j = mean x_j,      σ_j² = mean (x_j - μ_j)²,      y_j = γ_j (x_j - μ_j) / σ_j + β_j

γ and β stay. Only norms above the cut adapt: what lies below is cached, and shared with others.
"""

from components.errors import ParamsError
from components.methods.adaptation import Adaptable, Target, restate, statistics
from components.methods.base import Tunable
from components.params.tuning import TuneParams


class AdaBN:
    """Answers 'what follows training?': the target's statistics."""

    def __init__(self, tune: TuneParams) -> None:
        """It has no parameters."""

    def moves(self, network: Tunable) -> frozenset[str]:
        found = statistics(network)
        if not found:
            raise ParamsError(
                "tune.then adabn: there are no batch norms above the cut.",
                "Raise tune.blocks if the backbone has some; for layer norms, take tune.then: tent.",
            )
        return found

    def __call__(self, network: Adaptable, target: Target) -> None:
        restate(network, target.each)
