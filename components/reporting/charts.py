"""The charts: learning curves, reliability diagram, ROC. Hand-drawn: one font, one palette, no library."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.reporting.svg import Point, Scale, drawing, line, tag, text, ticks

WIDTH, HEIGHT = 400.0, 260.0
SQUARE = 320.0  # width of the charts that stand three in a row
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 14.0, 44.0
INSET = 6.0
KINDS = ("first", "second", "third")


def curves(series: Mapping[str, Sequence[Point]], x_title: str, y_title: str) -> Markup:
    """Lines over a common axis, each named at its end by colour in the legend of the page.

    Args:
        series: name → points; series without points are left out.
    """
    drawn = {name: list(points) for name, points in series.items() if points}
    every = [point for points in drawn.values() for point in points]
    if not every:
        return Markup("")
    x, y = _scales(every)
    parts = axes(x, y, x_title, y_title)
    for (_, points), kind in zip(drawn.items(), KINDS, strict=False):
        placed = [(x(a), y(b)) for a, b in points]
        parts.append(line(placed, kind))
        parts += [tag("circle", cx=a, cy=b, r=2.6, class_=f"dot {kind}") for a, b in placed]
    return drawing(WIDTH, HEIGHT, parts, f"{y_title} over {x_title}: {', '.join(drawn)}")


def reliability(points: Sequence[Point], weights: Sequence[float], x_title: str, y_title: str) -> Markup:
    """Accuracy over confidence; the diagonal is perfect calibration, a dot's area its share of samples."""
    if not points:
        return Markup("")
    x, y = _unit_scales()
    parts = axes(x, y, x_title, y_title)
    parts.append(line([(x(0), y(0)), (x(1), y(1))], "ideal"))
    placed = sorted(zip(points, weights or [1.0] * len(points), strict=False))
    heaviest = max(weight for _, weight in placed) or 1.0
    parts.append(line([(x(a), y(b)) for (a, b), _ in placed], "first"))
    for (a, b), weight in placed:
        radius = round(2.5 + 6.5 * (weight / heaviest) ** 0.5, 2)
        parts.append(tag("circle", cx=x(a), cy=y(b), r=radius, class_="dot soft first"))
    return drawing(SQUARE, HEIGHT, parts, over(x_title, y_title))


def roc(points: Sequence[Point], x_title: str, y_title: str) -> Markup:
    """True over false positive rate; the diagonal is chance."""
    if not points:
        return Markup("")
    x, y = _unit_scales()
    placed = [(x(a), y(b)) for a, b in points]
    below = [(x(0), y(0)), *placed, (x(1), y(0))]
    parts = axes(x, y, x_title, y_title)
    parts.append(tag("polygon", points=" ".join(f"{a:g},{b:g}" for a, b in below), class_="area"))
    parts.append(line([(x(0), y(0)), (x(1), y(1))], "ideal"))
    parts.append(line(placed, "first"))
    return drawing(SQUARE, HEIGHT, parts, over(x_title, y_title))


def curve(points: Sequence[Point], x_title: str, y_title: str) -> Markup:
    """A line of what lies between 0 and 1."""
    if not points:
        return Markup("")
    x, y = _unit_scales()
    parts = axes(x, y, x_title, y_title)
    parts.append(line([(x(a), y(b)) for a, b in points], "first"))
    return drawing(SQUARE, HEIGHT, parts, over(x_title, y_title))


def over(x_title: str, y_title: str) -> str:
    """What a chart shows, in words."""
    return f"{y_title[:1].upper()}{y_title[1:]} over {x_title}"


def _unit_scales() -> tuple[Scale, Scale]:
    return Scale(0, 1, LEFT, SQUARE - RIGHT), Scale(0, 1, HEIGHT - BOTTOM, TOP)


def _scales(points: Sequence[Point]) -> tuple[Scale, Scale]:
    horizontal, vertical = [a for a, _ in points], [b for _, b in points]
    pad = (max(vertical) - min(vertical)) * 0.08 or 0.05
    return (
        Scale(min(horizontal), max(horizontal), LEFT + INSET, WIDTH - RIGHT - INSET),
        Scale(min(vertical) - pad, max(vertical) + pad, HEIGHT - BOTTOM, TOP),
    )


def axes(x: Scale, y: Scale, x_title: str, y_title: str) -> list[Markup]:
    """Grid, marks and names, for a drawing as high as HEIGHT."""
    base, right = HEIGHT - BOTTOM, max(x.end, x.start) + INSET * (x.start > LEFT)
    marks = ticks(x.low, x.high, 4)
    if x_title == "epoch":  # there is no half of one
        marks = [value for value in marks if value == round(value)]
    parts = []
    for value in ticks(y.low, y.high):
        parts.append(tag("line", x1=LEFT, x2=right, y1=y(value), y2=y(value), class_="grid"))
        parts.append(text(LEFT - 8, y(value) + 4, f"{value:g}", "end"))
    parts.append(tag("line", x1=LEFT, x2=right, y1=base, y2=base, class_="axis"))
    parts += [text(x(value), base + 17, f"{value:g}", "middle") for value in marks]
    parts.append(text((LEFT + right) / 2, HEIGHT - 7, x_title, "middle", "name"))
    middle = (TOP + base) / 2
    parts.append(
        tag(
            "text",
            y_title,
            transform=f"translate(12 {middle:g}) rotate(-90)",
            text_anchor="middle",
            class_="name",
        )
    )
    return parts
