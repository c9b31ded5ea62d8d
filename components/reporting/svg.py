"""A few words of SVG. Colours come from the page's style sheet by class, so that both schemes fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Data in [low, high] → pixels in [start, end]; values outside are held at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        share = min(max((value - self.low) / span, 0.0), 1.0)
        return round(self.start + share * (self.end - self.start), 2)


def tag(name: str, text: str | Markup = "", /, **attributes: object) -> Markup:
    """One element. `class_` becomes `class`, `stroke_width` becomes `stroke-width`; all is escaped."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{escape(text)}</{name}>")  # noqa: S704 - every part is escaped above


def drawing(width: float, height: float, parts: Sequence[Markup], label: str) -> Markup:
    """An image that says to a screen reader what it shows."""
    body = Markup("").join([tag("title", label), *parts])
    return tag("svg", body, viewBox=f"0 0 {width:g} {height:g}", role="img", class_="chart")


def line(points: Sequence[Point], kind: str) -> Markup:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return tag("polyline", points=path, class_=f"line {kind}")


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "label") -> Markup:
    return tag("text", words, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, class_=kind)


def ticks(low: float, high: float, least: int = 3) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) from `low` to `high`; `least` of them or more."""
    if not high > low:
        return [low]
    power = 10.0 ** math.ceil(math.log10(high - low))
    for step in (power, power / 2, power / 5, power / 10, power / 20, power / 50):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 >= least:
            return [round(n * step, 10) for n in range(first, last + 1)]
    return [low, high]
