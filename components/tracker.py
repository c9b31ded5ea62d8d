"""What training says while it runs, and to whom: the registry implements this, stages hand it over."""

from collections.abc import Mapping
from typing import Protocol

TRACKED = False  # what is told of a run, not what it makes

Value = str | int | float | bool


class Tracker(Protocol):
    """Receives what a run has to say. Never raises: a lost tracker must not stop a training."""

    def params(self, values: Mapping[str, Value]) -> None: ...
    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None: ...
    def tags(self, values: Mapping[str, str]) -> None: ...


class NullTracker:
    """Nobody listens."""

    def params(self, values: Mapping[str, Value]) -> None: ...
    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None: ...
    def tags(self, values: Mapping[str, str]) -> None: ...
