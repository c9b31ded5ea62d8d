"""The charts of a window: what is shared out how often, on both sides, and where embeddings lie."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from components.reporting.charts import BOTTOM, HEIGHT, INSET, LEFT, RIGHT, TOP, WIDTH, axes
from components.reporting.svg import Point, Scale, drawing, line, tag, text

MOST = 60  # steps of a line, so that the page stays small
ROW, BAR = 46.0, 11.0


def cumulative(reference: Sequence[float], window: Sequence[float], name: str) -> Markup:
    """Share of samples at or below each value: two lines, whose greatest distance is the statistic of KS."""
    every = np.concatenate([reference, window])
    low, high = (float(value) for value in np.quantile(every, [0.002, 0.998]))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    x, y = Scale(low, high, LEFT + INSET, WIDTH - RIGHT - INSET), Scale(0, 1, HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, name, "share at or below")
    at = np.linspace(low, high, MOST)
    for values, kind in ((reference, "first"), (window, "second")):
        shares = np.searchsorted(np.sort(values), at, side="right") / len(values)
        parts.append(line([(x(a), y(b)) for a, b in zip(at.tolist(), shares.tolist(), strict=True)], kind))
    return drawing(WIDTH, HEIGHT, parts, f"Distribution of {name}: reference and window")


def cloud(reference: Sequence[Point], window: Sequence[Point]) -> Markup:
    """Embeddings on the first two principal axes of the reference."""
    every = np.array([*reference, *window])
    low, high = np.quantile(every, 0.005, axis=0), np.quantile(every, 0.995, axis=0)
    pad = (high - low) * 0.06 + 1e-9
    x = Scale(float(low[0] - pad[0]), float(high[0] + pad[0]), LEFT + INSET, WIDTH - RIGHT - INSET)
    y = Scale(float(low[1] - pad[1]), float(high[1] + pad[1]), HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, "first principal axis", "second")
    for points, kind in ((reference, "first"), (window, "second")):
        parts += [tag("circle", cx=x(a), cy=y(b), r=2.4, class_=f"dot soft {kind}") for a, b in points]
    return drawing(WIDTH, HEIGHT, parts, "Embeddings of reference and window")


def shares(names: Sequence[str], reference: Sequence[float], window: Sequence[float]) -> Markup:
    """Two bars a class, its share on each side."""
    height = ROW * len(names) + 6
    scale = Scale(0, 1, 0, WIDTH - 60)
    parts = []
    for number, (name, ours, theirs) in enumerate(zip(names, reference, window, strict=True)):
        top = number * ROW + 14
        parts.append(text(0, top, name, "start", "name"))
        for row, (share, kind) in enumerate(((ours, "first"), (theirs, "second"))):
            y = top + 5 + row * (BAR + 1)
            width = max(scale(share), 1.5)
            parts.append(tag("rect", x=0, y=f"{y:g}", width=f"{width:g}", height=BAR, class_=f"dot {kind}"))
            parts.append(text(width + 6, y + BAR - 1, f"{share:.1%}"))
    return drawing(WIDTH, height, parts, "Share of each class: reference and window")
