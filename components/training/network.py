"""A backbone with a head, fed from the cut."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from components.backbones.base import Backbone, check_taken
from components.backbones.named import POOLED, Tensors, answered
from components.methods.base import Group, Phase
from components.methods.samples import Inputs, alone
from components.problems.base import NONE
from components.problems.base import Network as Problem


class Network(nn.Module):
    """`head(backbone.above(cut)(activations))`; the layers below the cut are held, and never run.

    Raises ParamsError for a head that takes what the backbone does not give.

    Names of tensors are `backbone.units.…` and `head.…`, whatever the cut: states of two cuts fit together.
    """

    def __init__(
        self, backbone: Backbone, head: nn.Module, cut: int, objectives: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        check_taken(head, backbone)
        self.backbone = backbone
        self.head = head
        self.cut = cut
        # Here, because what they learn is trained, kept and resumed with the rest; it is never shipped.
        self.objectives = nn.ModuleList(objectives)

    def forward(self, activations: Inputs, targets: Tensor | None = None) -> Tensor:
        """Activations at the cut (B, …) → outputs of the head, (B, …); a head that is forced is given the targets."""
        return self.answer(self.named(activations), targets)

    def features(self, activations: Inputs) -> Tensor:
        """Activations at the cut (B, …) → features (B, width)."""
        return self.named(activations)[POOLED]

    def named(self, activations: Inputs) -> Tensors:
        """Activations at the cut (B, …) → the tensors at the top, of which the head takes some."""
        if isinstance(activations, Tensor):
            activations = {self.backbone.gives(self.cut)[0]: activations}
        made: Tensors = self.backbone.above(self.cut)(activations)
        return made

    def answer(self, named: Tensors, targets: Tensor | None = None) -> Tensor:
        """Tensors at the top, and targets for a head that is forced → outputs of the head, (B, …)."""
        return answered(self.head, named, targets)

    def copied(self) -> "Network":
        """What is above the cut as it is now, frozen, in evaluation mode."""
        held = {id(t): t for t in self.backbone.below(self.cut).state_dict(keep_vars=True).values()}
        twin = Network(deepcopy(self.backbone, held), deepcopy(self.head), self.cut)
        return twin.eval().requires_grad_(False)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Parameters above the cut, the head's included, whether or not a phase trains them now."""
        names = {*self.above_names(), *self.head_names()}
        return {name: parameter for name, parameter in self.named_parameters() if name in names}

    def above_names(self) -> tuple[str, ...]:
        """Names of the backbone's parameters above the cut."""
        return self._names(self.backbone.above(self.cut))

    def head_names(self) -> tuple[str, ...]:
        return self._names(self.head)

    def objective_names(self) -> tuple[str, ...]:
        """Names of the parameters that objectives brought along."""
        return self._names(self.objectives)

    def above_state(self) -> dict[str, Tensor]:
        """Parameters and buffers above the cut, the head's included: what fine-tuning may change."""
        held = {id(t) for t in self.backbone.below(self.cut).state_dict(keep_vars=True).values()}
        state = self.state_dict(keep_vars=True)
        return {name: tensor.detach() for name, tensor in state.items() if id(tensor) not in held}

    def _names(self, part: nn.Module) -> tuple[str, ...]:
        wanted = {id(parameter) for parameter in part.parameters()}
        return tuple(name for name, parameter in self.named_parameters() if id(parameter) in wanted)


class TokenNetwork(Network):
    """The head sees single tokens of a text, not their mean; nothing is cut off."""

    def named(self, activations: Inputs) -> Tensors:
        """(B, 2, L) int64: tokens, and 1 where one is asked for → the states of those, (M, width), text after text."""
        tokens, asked = alone(activations).unbind(1)
        states: Tensor = nn.Sequential(*list(self.backbone.units)[:-1])(tokens)
        return {POOLED: states[asked == 1][:, : self.backbone.width]}


def fresh_head(problem: Problem, width: int, seed: int, channels: Mapping[str, int] = NONE) -> nn.Module:
    """The problem's head for features of `width` and maps of `channels`, with weights that depend on `seed` alone; the
    global generator is not moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return problem.head(width, channels)


def with_objectives(phase: Phase, network: Network) -> Phase:
    """What objectives learn, they learn in every phase, at the head's rate."""
    names = network.objective_names()
    return replace(phase, groups=(*phase.groups, Group(names, phase.groups[0].rate))) if names else phase
