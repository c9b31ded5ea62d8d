"""docs/benchmark-methods.svg: what adaptation gave on each pair, at a glance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from components.reporting.svg import Scale, tag, ticks

WIDTH, ROW, LABEL, RIGHT, TOP = 540, 19, 190, 56, 64
INK, FAINT, GOAL = "#1f2933", "#9aa5b1", "#1a7f37"
BETTER, LEVEL, WORSE = "#0b61a4", "#7b8794", "#c1331f"


def write_picture(summary: Mapping[str, Mapping[str, object]], path: Path) -> None:
    """A panel for each pair whose goal is another cell than its control; two side by side."""
    chosen = [
        (name, pair)
        for name, pair in summary.items()
        if pair["goal"] != pair["control"] and {pair["goal"], pair["control"]} < set(_rows(pair))
    ]
    made = [_panel(name, pair) for name, pair in chosen]
    parts, y = [], 0
    for left in range(0, len(made), 2):
        beside = made[left : left + 2]
        parts += [
            tag("g", panel, transform=f"translate({column * WIDTH}, {y})")
            for column, (panel, _) in enumerate(beside)
        ]
        y += max(height for _, height in beside)
    ground = tag("rect", width=2 * WIDTH, height=y, fill="white")
    title = tag("title", "Balanced accuracy on the target, by method and pair of domains")
    body = Markup("").join([title, ground, *parts])
    picture = tag(
        "svg",
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {2 * WIDTH} {y}",
        font_family="system-ui, sans-serif",
        font_size="12",
    )
    path.write_text(picture + "\n")


def _rows(pair: Mapping[str, object]) -> Mapping[str, Mapping[str, float]]:
    rows = pair["cells"]
    assert isinstance(rows, dict)
    return rows


def _panel(name: str, pair: Mapping[str, object]) -> tuple[Markup, int]:
    rows = _rows(pair)
    bounds = {key: rows[str(pair[key])]["balanced_accuracy"] for key in ("control", "goal")}
    shown = {title: row for title, row in rows.items() if title not in (pair["control"], pair["goal"])}
    control = bounds["control"]
    around = [v for row in shown.values() for v in (*_interval(row, control), *_seeds(row, control))]
    values = [*bounds.values(), *around]
    x = Scale(min(values) - 0.01, max(values) + 0.01, LABEL, WIDTH - RIGHT)
    end = TOP + ROW * len(shown)
    parts = [_words(12, 18, name, weight="600", size="14")]
    # One above the other: where the two lie close, their words would, too.
    for key, colour, top in (("control", FAINT, TOP - 8), ("goal", GOAL, TOP - 22)):
        at = x(bounds[key])
        parts.append(_line(at, at, top, end, colour, dash="4 3"))
        parts.append(_words(at, top - 4, f"{pair[key]} {bounds[key]:.2f}", "middle", colour))
    for number, (title, row) in enumerate(shown.items()):
        parts += _method(title, row, control, x, TOP + ROW * number + ROW // 2)
    for tick in ticks(x.low, x.high):
        parts.append(_words(x(tick), end + 14, f"{tick:g}", "middle", FAINT))
    return Markup("").join(parts), end + 34


def _method(title: str, row: Mapping[str, object], control: float, x: Scale, y: float) -> Sequence[Markup]:
    low, middle, high = _interval(row, control)
    colour = WORSE if high < control else BETTER if low > control else LEVEL
    return (
        _words(LABEL - 12, y + 4, title, "end"),
        _line(x(low), x(high), y, y, colour, width="2"),
        tag("circle", cx=x(middle), cy=y, r=4.5, fill=colour),
        *(
            tag("circle", cx=x(seed), cy=y, r=2.5, fill="white", stroke=colour)
            for seed in _seeds(row, control)
        ),
    )


def _seeds(row: Mapping[str, object], control: float) -> list[float]:
    gains = row.get("gains")
    return [control + float(gain) for gain in gains] if isinstance(gains, list) else []


def _interval(row: Mapping[str, object], control: float) -> tuple[float, float, float]:
    """Of the difference from the control, put where the control lies."""
    found = row.get("against")
    if not isinstance(found, list):
        value = float(str(row["balanced_accuracy"]))
        return value, value, value
    mean, low, high = found
    return control + low, control + mean, control + high


def _words(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    fill: str = INK,
    weight: str = "400",
    size: str = "12",
) -> Markup:
    return tag("text", words, x=x, y=y, text_anchor=anchor, fill=fill, font_weight=weight, font_size=size)


def _line(
    x1: float, x2: float, y1: float, y2: float, stroke: str, dash: str = "none", width: str = "1.5"
) -> Markup:
    return tag("line", x1=x1, x2=x2, y1=y1, y2=y2, stroke=stroke, stroke_dasharray=dash, stroke_width=width)
