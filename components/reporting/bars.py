"""Small bars in lines of text: an interval and its bound, a share of a whole."""

from markupsafe import Markup

from components.reporting.notation import figure
from components.reporting.svg import Scale, drawing, tag

WIDTH, HEIGHT = 220.0, 26.0
MIDDLE = HEIGHT / 2


def interval_bar(
    low: float, estimate: float, high: float, bound: float | None = None, upwards: bool = True
) -> Markup:
    """The interval as a bar, the estimate as a dot; the side of the bound that is allowed is tinted.

    Args:
        upwards: allowed is what lies above the bound.
    """
    values = [low, estimate, high, *([] if bound is None else [bound])]
    pad = (max(values) - min(values)) * 0.18 or 0.02
    x = Scale(min(values) - pad, max(values) + pad, 4, WIDTH - 4)
    parts = [tag("line", x1=0, x2=WIDTH, y1=MIDDLE, y2=MIDDLE, class_="axis")]
    if bound is not None:
        start, end = (x(bound), WIDTH) if upwards else (0.0, x(bound))
        parts.insert(0, _box(start, end - start, 3, HEIGHT - 6, "allowed"))
        parts.append(tag("line", x1=x(bound), x2=x(bound), y1=1, y2=HEIGHT - 1, class_="bound"))
    parts.append(_box(x(low), max(x(high) - x(low), 1.5), MIDDLE - 3, 6, "interval"))
    parts.append(tag("circle", cx=x(estimate), cy=MIDDLE, r=4.5, class_="estimate"))
    said = "" if bound is None else f", bound {bound:g}"
    return drawing(WIDTH, HEIGHT, parts, f"{_words(low, estimate, high)}{said}")


def unit_bar(low: float, estimate: float, high: float, ends: tuple[float, float] = (0, 1)) -> Markup:
    """An interval on the whole way from 0 to 1, or between other `ends`, so that bars beside each other compare."""
    x = Scale(*ends, 4, WIDTH - 4)
    parts = [
        _box(0, WIDTH, MIDDLE - 3, 6, "rest"),
        _box(x(low), max(x(high) - x(low), 1.5), MIDDLE - 6, 12, "interval"),
        _box(x(estimate) - 1, 2, MIDDLE - 6, 12, "estimate"),
    ]
    between = f"between {ends[0]:g} and {ends[1]:g}"
    return drawing(WIDTH, HEIGHT, parts, f"{_words(low, estimate, high)}, {between}")


def _words(low: float, estimate: float, high: float) -> str:
    return figure({"low": low, "estimate": estimate, "high": high}, ".3g")


def share_bar(share: float, kind: str = "interval") -> Markup:
    """A share in 0…1 of the whole width."""
    held = min(max(share, 0.0), 1.0)
    parts = [
        _box(0, WIDTH, MIDDLE - 4, 8, "rest"),
        _box(0, max(held * WIDTH, 1.5), MIDDLE - 4, 8, kind),
    ]
    return drawing(WIDTH, HEIGHT, parts, f"{share:.0%}")


def _box(x: float, width: float, y: float, height: float, kind: str) -> Markup:
    return tag("rect", x=f"{x:g}", y=f"{y:g}", width=f"{width:g}", height=f"{height:g}", rx=3, class_=kind)
