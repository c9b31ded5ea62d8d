"""What happens once for a window, however often it is asked for.

A record lies in the folder `alarms` of a model, one file for a window, and is written under a kernel lock after the
deed: where a process dies in between, the next one does it again, so a deed must be one that its receiver takes for
the same (an event with the window's own number, a run with the window's name as its key).
"""

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from components.storage.home import home
from components.storage.publish import kernel_lock, read_json, write_json

SPACE = uuid.UUID("5b0c63a4-8f2e-4c6e-9d3b-6a1f2c7d9e10")  # of events' numbers; any constant will do
WAIT = 60.0  # seconds for another process at the same window


class Alarms:
    """The records of the model `model` in the workspace `root`."""

    def __init__(self, root: Path, model: str) -> None:
        self._model = model
        self._folder = home(root) / "monitoring" / model / "alarms"

    def number(self, deed: str, window: str) -> uuid.UUID:
        """Of the event: the same for the same deed, model and window, on every machine."""
        return uuid.uuid5(SPACE, f"{deed}/{self._model}/{window}")

    def once(self, deed: str, window: str, act: Callable[[], dict[str, object]]) -> bool:
        """Do `act` and keep what it gives, unless that was done before for this window; whether it was done now.

        Raises Busy where another process is at it for a minute.
        """
        path = self._folder / f"{deed}-{window}.json"
        with kernel_lock(self._folder / f".{deed}-{window}.lock", WAIT):
            if path.exists():
                return False
            write_json(path, act())
            return True

    def found(self, deed: str, window: str) -> Mapping[str, object] | None:
        """What `once` kept of the deed; none where it was not done."""
        path = self._folder / f"{deed}-{window}.json"
        return read_json(path) if path.exists() else None
