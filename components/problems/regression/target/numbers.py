"""Labels as numbers: reading them, what is wrong with them, and their description."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.problems.base import Array, Description

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LARGEST = float(np.finfo(np.float32).max)  # networks and releases compute in single precision
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Numbers:
    """What a description says of k numbers.

    Attributes:
        bounds: least and greatest value, or None, for each.
        mean, scale: of the training targets, (k,) each; no scale is 0.
    """

    names: tuple[str, ...]
    units: tuple[str | None, ...]
    bounds: tuple[Bounds | None, ...]
    mean: Array
    scale: Array

    @classmethod
    def of(cls, description: Description) -> "Numbers":
        """KeyError or ValueError where it is not regression's, or makes no sense."""
        numbers, statistics = description["numbers"], description["statistics"]
        made = cls(
            names=tuple(str(one["name"]) for one in numbers),
            units=tuple(one.get("unit") for one in numbers),
            bounds=tuple(_ends(one.get("range")) for one in numbers),
            mean=np.asarray(statistics["mean"], dtype=np.float64),
            scale=np.asarray(statistics["scale"], dtype=np.float64),
        )
        if not made.names or len(set(made.names)) < len(made.names):
            raise ValueError("it names no number, or one twice")
        if made.mean.shape != (len(made.names),) or made.scale.shape != made.mean.shape:
            raise ValueError("its statistics are not one for each number")
        if not (np.isfinite(made.mean).all() and np.isfinite(made.scale).all() and (made.scale > 0).all()):
            raise ValueError("its statistics are not finite, or a scale is not above 0")
        return made

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def least(self) -> Array:
        """(k,), -inf where no range is declared."""
        return np.array([-math.inf if ends is None else ends[0] for ends in self.bounds])

    @cached_property
    def most(self) -> Array:
        """(k,), inf where no range is declared."""
        return np.array([math.inf if ends is None else ends[1] for ends in self.bounds])

    @property
    def columns(self) -> tuple[str, ...]:
        """What predictions are called in tables."""
        return columns("prediction", self.names)

    @property
    def unit(self) -> Array:
        """(k,) what errors are divided by before they are averaged: of one number nothing, of several their scales."""
        return self.scale if len(self) > 1 else np.ones(1)


def columns(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """`low` of one number, `low.a`, `low.b` of several: no name of a number meets another column's."""
    return (what,) if len(names) == 1 else tuple(f"{what}.{name}" for name in names)


def _ends(said: object) -> Bounds | None:
    if said is None:
        return None
    if not isinstance(said, list | tuple) or len(said) != 2 or not float(said[0]) < float(said[1]):
        raise ValueError(f"the range {said} is not two numbers that rise")
    return float(said[0]), float(said[1])


def read(written: str, names: Sequence[str], bounds: Sequence[Bounds | None]) -> list[float]:
    """The numbers of a label: a text, or of several columns a JSON list of texts. ValueError says what is wrong."""
    cells = json.loads(written) if len(names) > 1 else [written]
    return [_number(*each) for each in zip(cells, names, bounds, strict=True)]


def _number(cell: str, name: str, bounds: Bounds | None) -> float:
    named = f"{name} is {cell!r}"
    if not cell:
        raise ValueError(f"{name} is empty")
    if not NUMBER.fullmatch(cell):
        comma = cell.replace(",", ".", 1)
        hint = f"; a decimal point is written as in {comma}" if NUMBER.fullmatch(comma) else ""
        raise ValueError(f"{named}, which is no number{hint}")
    value = float(cell) + 0.0  # no -0.0: equal numbers are written alike
    if not abs(value) <= LARGEST:
        raise ValueError(f"{named}, which is too large for single precision")
    if bounds is not None and not bounds[0] <= value <= bounds[1]:
        raise ValueError(f"{named}, outside task.range {bounds[0]:g} to {bounds[1]:g}")
    return value
