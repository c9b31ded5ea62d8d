"""Progress and log lines, on stderr: standard output stays free for results."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar
from weakref import WeakSet

from components.errors import capped

TRACKED = False  # bars and log lines

T = TypeVar("T")


class Bar(Protocol):
    def update(self, n: float = 1) -> bool | None: ...
    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None: ...
    def close(self) -> None: ...


_BARS: WeakSet[Bar] = WeakSet()  # those that may still be on the screen


def bar(total: int | None, description: str, unit: str = "it") -> Bar:
    """A progress bar with rate and remaining time; on a pipe or a log, a line every 10 seconds."""
    from tqdm import tqdm

    interval = 0.2 if sys.stderr.isatty() else 10.0
    made: Bar = tqdm(
        total=total, desc=f"{description:<18}", unit=f" {unit}", mininterval=interval, dynamic_ncols=True
    )
    _BARS.add(made)
    return made


def close_bars() -> None:
    """End the line of every bar, so that what is said next has one of its own."""
    for made in list(_BARS):
        made.close()


def progress(items: Iterable[T], description: str, unit: str = "it", total: int | None = None) -> Iterator[T]:
    """Yield `items` under a progress bar; `total` is needed where `items` has no length."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    shown = bar(total, description, unit)
    try:
        for item in items:
            yield item
            shown.update(1)
    finally:
        shown.close()


def log(message: str) -> None:
    """One line for the person who watches."""
    from tqdm import tqdm

    tqdm.write(capped(message), file=sys.stderr)
