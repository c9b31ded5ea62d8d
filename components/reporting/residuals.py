"""Charts of numbers: predictions over targets, residuals, and how many targets lie within wider intervals."""

from collections.abc import Sequence

from markupsafe import Markup

from components.reporting.charts import BOTTOM, HEIGHT, INSET, LEFT, RIGHT, SQUARE, TOP, axes, over
from components.reporting.svg import Point, Scale, drawing, line, tag

MOST = 2000  # points of a chart; more would only cover each other
PAD = 0.04


def scatter(points: Sequence[Point], x_title: str, y_title: str) -> Markup:
    """Prediction over target, of one scale; on the diagonal a prediction is right."""
    if not points:
        return Markup("")
    points = _thinned(points)
    every = [value for point in points for value in point]
    x, y = _scale(every, LEFT + INSET, SQUARE - RIGHT - INSET), _scale(every, HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, x_title, y_title)
    parts.append(line([(x(x.low), y(x.low)), (x(x.high), y(x.high))], "ideal"))
    parts += [_dot(x(target), y(said)) for target, said in points]
    return drawing(SQUARE, HEIGHT, parts, f"{over(x_title, y_title)} of {len(points)} samples")


def errors(points: Sequence[Point], target: str, prediction: str) -> Markup:
    """Prediction minus target over prediction; 0 is right."""
    if not points:
        return Markup("")
    points = _thinned(points)
    left = [(said, said - target) for target, said in points]
    x = _scale([a for a, _ in left], LEFT + INSET, SQUARE - RIGHT - INSET)
    y = _scale([*(b for _, b in left), 0.0], HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, prediction, f"{prediction} - {target}")
    parts.append(line([(x(x.low), y(0)), (x(x.high), y(0))], "ideal"))
    parts += [_dot(x(a), y(b)) for a, b in left]
    return drawing(SQUARE, HEIGHT, parts, f"Error over {prediction} of {len(points)} samples")


def widths(points: Sequence[Point], nominal: float | None) -> Markup:
    """Share of the targets within intervals of another width; dashed, what is promised at width 1."""
    if not points:
        return Markup("")
    x = Scale(0, max(a for a, _ in points), LEFT, SQUARE - RIGHT)
    y = Scale(0, 1, HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, "width, as a share of what is shipped", "targets within")
    if nominal is not None:
        parts.append(line([(x(0), y(nominal)), (x(1), y(nominal)), (x(1), y(0))], "ideal"))
    parts.append(line([(x(a), y(b)) for a, b in [(0.0, 0.0), *points]], "first"))
    return drawing(SQUARE, HEIGHT, parts, "Share of targets within intervals over their width")


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    return points[:: max(1, -(-len(points) // MOST))]


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    pad = (max(values) - min(values)) * PAD or abs(values[0]) * PAD or 1.0
    return Scale(min(values) - pad, max(values) + pad, start, end)


def _dot(x: float, y: float) -> Markup:
    return tag("circle", cx=x, cy=y, r=2.4, class_="dot soft first")
