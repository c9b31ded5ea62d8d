"""A backbone with a head, fed from the cut."""

import torch
from torch import Tensor, nn

from components.backbones.base import Backbone
from components.tasks.base import Task


class Network(nn.Module):
    """`head(backbone.above(cut)(activations))`; the layers below the cut are held, and never run.

    Names of tensors are `backbone.units.…` and `head.…`, whatever the cut: states of two cuts fit together.
    """

    def __init__(self, backbone: Backbone, head: nn.Module, cut: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.cut = cut

    def forward(self, activations: Tensor) -> Tensor:
        """Activations at the cut (B, …) → logits (B, classes)."""
        logits: Tensor = self.head(self.backbone.above(self.cut)(activations))
        return logits

    def below_names(self) -> tuple[str, ...]:
        """Names of the parameters below the cut."""
        return self._names(self.backbone.below(self.cut))

    def above_names(self) -> tuple[str, ...]:
        """Names of the backbone's parameters above the cut."""
        return self._names(self.backbone.above(self.cut))

    def head_names(self) -> tuple[str, ...]:
        return self._names(self.head)

    def above_state(self) -> dict[str, Tensor]:
        """Parameters and buffers above the cut, the head's included: what fine-tuning may change."""
        held = {id(t) for t in self.backbone.below(self.cut).state_dict(keep_vars=True).values()}
        state = self.state_dict(keep_vars=True)
        return {name: tensor.detach() for name, tensor in state.items() if id(tensor) not in held}

    def _names(self, part: nn.Module) -> tuple[str, ...]:
        wanted = {id(parameter) for parameter in part.parameters()}
        return tuple(name for name, parameter in self.named_parameters() if id(parameter) in wanted)


def fresh_head(task: Task, width: int, classes: int, seed: int) -> nn.Module:
    """The task's head with weights that depend on `seed` alone; the global generator is not moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return task.head(width, classes)
