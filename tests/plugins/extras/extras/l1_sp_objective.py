"""L1-SP (Li, Grandvalet, Davoine, ICML 2018, section 3.2): with w⁰ the start and w' the weights that are new,

    α ‖w - w⁰‖₁ + β ‖w'‖₁

where α is `keep_weight`, and β = α · `new_share`.
"""

from torch import Tensor

from components.methods.objective import Objective, Shape, Start, Step
from components.params.objectives import ObjectivesParams
from extras.l1_sp import Params


class L1SP(Objective):
    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight, self._share = params.keep_weight or 0.01, params.options(Params).new_share
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
                total = total + self._share * parameter.abs().sum()
            else:
                total = total + (parameter - self._start[name]).abs().sum()
        return self._weight * total
