"""Charts of regression: predictions over targets, residuals, and how many targets lie within wider intervals."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from components.reporting.charts import BOTTOM, HEIGHT, INSET, LEFT, RIGHT, SQUARE, TOP, axes
from components.reporting.material import Material, mapping, number, sequence
from components.reporting.origin import Fact
from components.reporting.svg import Point, Scale, drawing, line, tag
from components.storage.cells import unescape

MOST = 2000  # points of a chart; more would only cover each other
NUMBERS = 6  # of more numbers only so many are drawn
PAD = 0.04
FACTS = (
    ("rmse", "Root mean squared error"),
    ("mae", "Mean absolute error"),
    ("bias", "Mean error (prediction - target)"),
    ("r2", "R²"),
    ("coverage", "Coverage of the intervals"),
)


def by_number(material: Material) -> Iterator[tuple[str, Markup, Markup, Sequence[Fact]]]:
    """(name, predictions over targets, errors over predictions, facts) of each number."""
    held: dict[str, list[Point]] = {}
    for row in material.residuals:
        target, predicted = number(row.get("target")), number(row.get("prediction"))
        if target is not None and predicted is not None:
            held.setdefault(unescape(row.get("number", "")), []).append((target, predicted))
    about = {str(mapping(one).get("name")): mapping(one) for one in sequence(material.metrics.get("numbers"))}
    for name, points in list(held.items())[:NUMBERS]:
        said = about.get(name, {})
        unit = f" {said['unit']}" if said.get("unit") else ""
        shown = points[:: max(1, -(-len(points) // MOST))]
        facts = [
            Fact(title, f"{value:.4g}{unit if key in ('rmse', 'mae', 'bias') else ''}")
            for key, title in FACTS
            if (value := number(said.get(key))) is not None
        ]
        yield name, scatter(shown), errors(shown), facts


def scatter(points: Sequence[Point]) -> Markup:
    """Prediction over target, of one scale; on the diagonal a prediction is right."""
    every = [value for point in points for value in point]
    x, y = _scale(every, LEFT + INSET, SQUARE - RIGHT - INSET), _scale(every, HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, "target", "prediction")
    parts.append(line([(x(x.low), y(x.low)), (x(x.high), y(x.high))], "ideal"))
    parts += [_dot(x(target), y(said)) for target, said in points]
    return drawing(SQUARE, HEIGHT, parts, f"Prediction over target of {len(points)} samples")


def errors(points: Sequence[Point]) -> Markup:
    """Prediction minus target over prediction; 0 is right."""
    left = [(said, said - target) for target, said in points]
    x = _scale([a for a, _ in left], LEFT + INSET, SQUARE - RIGHT - INSET)
    y = _scale([*(b for _, b in left), 0.0], HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, "prediction", "prediction - target")
    parts.append(line([(x(x.low), y(0)), (x(x.high), y(0))], "ideal"))
    parts += [_dot(x(a), y(b)) for a, b in left]
    return drawing(SQUARE, HEIGHT, parts, f"Error over prediction of {len(points)} samples")


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


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    pad = (max(values) - min(values)) * PAD or abs(values[0]) * PAD or 1.0
    return Scale(min(values) - pad, max(values) + pad, start, end)


def _dot(x: float, y: float) -> Markup:
    return tag("circle", cx=x, cy=y, r=2.4, class_="dot soft first")
