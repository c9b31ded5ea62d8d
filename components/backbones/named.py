"""Tensors with names along a chain of units: what lies at a cut, and what a head takes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

Tensors = Mapping[str, Tensor]
Split = Callable[[Tensor], dict[str, Tensor]]
SAMPLES, POOLED = "samples", "pooled"


@dataclass(frozen=True)
class Skip:
    """What a unit gives, kept for a head above: its number, the pixels of a sample that are one of the map, and the
    channels of the map (0: not said)."""

    unit: int
    stride: int
    channels: int = 0


@dataclass(frozen=True)
class Names:
    """Which tensors along a chain of units have names.

    Attributes:
        inside: of what goes from unit to unit: `maps` (B, C, h, w), `tokens` (B, tokens, width), or else `states`.
        skips: name → what is kept under it.
        split: what the last unit took, as the tensors `parts`, where that is not the one tensor `inside`.
        units: how many there are.
        channels: of `inside` as the last unit takes it; 0: not said.
    """

    inside: str = "states"
    skips: Mapping[str, Skip] = field(default_factory=dict)
    split: Split | None = None
    parts: tuple[str, ...] = ()
    units: int = 0
    channels: int = 0

    def at(self, first: int) -> tuple[str, ...]:
        """The tensors between unit `first` - 1 and unit `first`; the one that the next unit takes comes first."""
        if not first:
            return (SAMPLES,)
        kept = tuple(name for name, skip in self.skips.items() if skip.unit < first)
        if first < self.units:
            return (self.inside, *kept)
        return (POOLED, *(self.parts or (self.inside,)), *kept)

    def run(self, units: Iterable[nn.Module], first: int, given: Tensors) -> dict[str, Tensor]:
        """`given` before unit `first` → what is there behind the last of `units`."""
        main, *kept = self.at(first)
        state, held = given[main], {name: given[name] for name in kept if name in given}
        for number, unit in enumerate(units, first):
            if number == self.units - 1:
                held |= self.split(state) if self.split else {self.inside: state}
            state = unit(state)
            held |= {name: state for name, skip in self.skips.items() if skip.unit == number}
            first = number + 1
        there = self.at(first)
        made = {**held, there[0]: state}
        return {name: made[name] for name in there if name in made}


class Part(nn.Sequential):
    """Units in a row, from named tensors to named tensors; `wanted` are those that are given, None: all."""

    def __init__(
        self, units: Sequence[nn.Module], first: int, names: Names, wanted: Sequence[str] | None
    ) -> None:
        super().__init__(*units)
        self.first, self.names, self.wanted = first, names, wanted

    def forward(self, given: Tensors) -> dict[str, Tensor]:
        made = self.names.run(self, self.first, given)
        return made if self.wanted is None else {name: made[name] for name in self.wanted}


def taken(head: nn.Module) -> tuple[str, ...]:
    """Names of the tensors that a head takes: those of its attribute `takes`, in this order, or `pooled` alone."""
    names: tuple[str, ...] = getattr(head, "takes", (POOLED,))
    return names


def answered(head: nn.Module, named: Tensors, targets: Tensor | None = None) -> Tensor:
    """The head's outputs for the tensors at the top, of which it takes those that it names; and for the targets (B, …),
    where there are any and its attribute `forced` asks for them."""
    given = [named[name] for name in taken(head)]
    forced = targets is not None and getattr(head, "forced", False)
    outputs: Tensor = head(*given, targets=targets) if forced else head(*given)
    return outputs


MAPS = Names("maps")
