"""L2-SP: weights are pulled to where they started, not to zero.

Li, Grandvalet, Davoine: Explicit Inductive Bias for Transfer Learning with Convolutional Networks, ICML 2018,
eq. 2: with w⁰ the start of the weights that the network brings, and w' those that are new (the head),

    α/2 ‖w - w⁰‖² + β/2 ‖w'‖²

`keep_weight` is α; β = α / 10, the ratio of the authors' grid's middle. A head that is not new (`tune.start: source`)
is pulled to its start like the rest. The optimiser's own decay acts beside it; set `tune.weight_decay: 0` for the
paper's term alone.
"""

from torch import Tensor

from components.methods.objective import Objective, Shape, Start, Step
from components.params.objectives import ObjectivesParams

ALPHA = 0.1
NEW_SHARE = 0.1


class L2SP(Objective):
    """Answers 'what is added to the loss?': the distance from the start."""

    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.keep_weight or ALPHA
        self._start: dict[str, Tensor] = {}
        self._fresh: frozenset[str] = frozenset()

    def begin(self, start: Start) -> None:
        held = start.network.trainable()
        self._start = {name: parameter.detach().clone() for name, parameter in held.items()}
        self._fresh = frozenset() if start.source else frozenset(n for n in held if n.startswith("head."))

    def forward(self, step: Step) -> Tensor:
        total = step.logits.new_zeros(())
        for name, parameter in step.network.trainable().items():
            if name in self._fresh:
                total = total + NEW_SHARE * parameter.square().sum()
            else:
                total = total + (parameter - self._start[name]).square().sum()
        return self._weight / 2 * total
