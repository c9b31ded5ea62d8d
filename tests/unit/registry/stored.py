from collections.abc import Callable

from components.registry.runs import RunHandle

StoredId = Callable[[RunHandle], str]
