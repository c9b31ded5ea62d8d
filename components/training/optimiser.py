"""AdamW over a phase's groups, with a state that can be written down and read back bit for bit."""

import torch
from torch import Tensor

from components.methods.base import Phase, Slow
from components.training.gradients import Combine, backward_each
from components.training.network import Network


class Optimiser:
    """Decoupled weight decay (Loshchilov & Hutter 2019), not on vectors: biases and norms.

    A group's rate is its peak rate times the schedule's factor. Slow weights are no state of their own: whenever
    a training may be resumed, they are the network's.
    """

    def __init__(self, network: Network, phase: Phase, weight_decay: float, slow: Slow | None = None) -> None:
        self._parameters = {n: p for n, p in network.named_parameters() if n in phase.trained}
        self._slow, self._taken = slow, 0
        self._left = self._copies() if slow else []
        groups: list[dict[str, object]] = []
        for group in phase.groups:
            members = [self._parameters[name] for name in group.names]
            for decay, decays in ((weight_decay, True), (0.0, False)):
                chosen = [p for p in members if (p.ndim > 1) is decays]
                if chosen:
                    groups.append(
                        {"params": chosen, "lr": group.rate, "peak": group.rate, "weight_decay": decay}
                    )
        # One fused pass over all parameters; its result does not depend on how they are grouped.
        self._adam = torch.optim.AdamW(groups, fused=True)

    @property
    def rate(self) -> float:
        """Of the first group, as it was last set."""
        rate: float = self._adam.param_groups[0]["lr"]
        return rate

    def set_rate(self, factor: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = group["peak"] * factor

    def step(self, *losses: Tensor, combine: Combine | None = None) -> None:
        """Move against the gradient of a scalar, or of several as `combine` (`gradients.backward_each`) says."""
        self.clear()
        if len(losses) == 1:
            losses[0].backward()  # type: ignore[no-untyped-call]
        else:
            assert combine is not None, "several losses need a rule"
            backward_each(losses, list(self._parameters.values()), combine)
        self.move()

    def clear(self) -> None:
        """Forget all gradients."""
        self._adam.zero_grad(set_to_none=True)

    def move(self) -> None:
        """Move against the gradients that are there."""
        self._adam.step()
        self._taken += 1
        if self._slow and self._taken % self._slow.steps == 0:
            self._follow(self._slow.share)

    @torch.no_grad()
    def _follow(self, share: float) -> None:
        for parameter, left in zip(self._parameters.values(), self._left, strict=True):
            parameter.copy_(torch.lerp(left, parameter, share))
        self._left = self._copies()

    def _copies(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters.values()]

    def state(self) -> dict[str, Tensor]:
        """`<parameter>/<moment>` → tensor."""
        return {
            f"{name}/{moment}": tensor
            for name, parameter in self._parameters.items()
            for moment, tensor in self._adam.state[parameter].items()
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Moments take the parameter's memory layout: other strides would take other kernels."""
        for path, tensor in state.items():
            name, moment = path.split("/")
            parameter = self._parameters[name]
            like = parameter.detach() if tensor.ndim else tensor.to(parameter.device)
            self._adam.state[parameter][moment] = torch.empty_like(like).copy_(tensor)
