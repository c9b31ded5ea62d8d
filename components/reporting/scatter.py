"""The sweep's charts: score against seconds, and score against each searched value."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.reporting.svg import Scale, drawing, line, tag, text, ticks
from components.reporting.trials import Sweep, Trial

WIDE, NARROW, HEIGHT = 960.0, 330.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 20.0, 44.0
PAD = 0.09
LETTER = 7.6  # width of one, in pixels
WIDE_RANGE = 8.0  # from here on, seconds are drawn on a logarithmic scale


@dataclass(frozen=True)
class Axis:
    """Values → pixels, with round marks; `log` for ratios."""

    scale: Scale
    log: bool = False

    def __call__(self, value: float) -> float:
        return self.scale(math.log10(value) if self.log else value)

    def marks(self) -> list[float]:
        low, high = self.scale.low, self.scale.high
        if not self.log:
            return ticks(low, high, 4)
        steps = (1, 2, 5) if high - low < 2.5 else (1,)
        powers = range(math.floor(low), math.ceil(high) + 1)
        found = [n * 10.0**p for p in powers for n in steps if low <= math.log10(n * 10.0**p) <= high]
        return found or [10**low, 10**high]


def axis(values: Sequence[float], start: float, end: float, log: bool = False) -> Axis:
    """Room for `values` between two pixels, and a little beside them."""
    placed = [math.log10(value) for value in values] if log else list(values)
    pad = (max(placed) - min(placed)) * PAD or (0.1 if log else abs(placed[0]) * PAD or 0.05)
    return Axis(Scale(min(placed) - pad, max(placed) + pad, start, end), log)


def trade_off(sweep: Sweep, width: float = WIDE) -> Markup:
    """Score over training seconds. A line joins the trials that none beats in both; a diamond is the head alone."""
    trials = _drawn(sweep)
    if not trials:
        return Markup("")
    head = Trial(-1, {}, "complete", {"head": sweep.reference}) if sweep.reference else None
    every = [*trials, head] if head else trials
    seconds = [max(sweep.seconds(trial), 1e-3) for trial in every]
    x = axis(seconds, LEFT, width - RIGHT, log=max(seconds) / min(seconds) > WIDE_RANGE)
    y = _upright(sweep, every)
    place = _placer(sweep, x, y)
    parts = _frame(x, y, width, "training seconds a fold", sweep.title)
    front = sweep.front
    parts.append(line([place(trial) for trial in front], "second"))
    parts += [_dot(sweep, trial, place(trial)) for trial in reversed(trials)]
    parts += [_ring(place(trial)) for trial in front]
    if head:
        parts += [_diamond(sweep, head, place(head)), _named(*place(head), "head alone", width)]
    parts += [_named(*place(trial), words, width) for trial, words in _names(sweep)]
    return drawing(width, HEIGHT, parts, f"{sweep.title} over training seconds of {len(trials)} trials")


def by_value(sweep: Sweep, key: str) -> Markup:
    """Score over the values of one searched key; names stand side by side, numbers on their axis."""
    trials = _drawn(sweep)
    if not trials:
        return Markup("")
    values = [_number(trial.values[key]) for trial in trials]
    y = _upright(sweep, trials)
    if all(value is not None for value in values):
        numbers = [value for value in values if value is not None]
        spread = min(numbers) > 0 and max(numbers) / min(numbers) > WIDE_RANGE
        x = axis(numbers, LEFT, NARROW - RIGHT, log=spread)
        placed = [x(number) for number in numbers]
        parts = _frame(x, y, NARROW, "", sweep.title)
    else:
        names = sorted({shown(trial.values[key]) for trial in trials})
        columns = Axis(Scale(-0.5, len(names) - 0.5, LEFT, NARROW - RIGHT))
        placed = [columns(names.index(shown(t.values[key])) + _aside(t.number)) for t in trials]
        parts = _frame(None, y, NARROW, "", sweep.title)
        room = (NARROW - LEFT) / len(names) / LETTER  # letters; longer names take turns on two lines
        below = HEIGHT - BOTTOM + 17
        step = 15 if max(len(name) for name in names) > room else 0
        parts += [text(columns(i), below + step * (i % 2), name, "middle") for i, name in enumerate(names)]
    dots = [_dot(sweep, t, (a, y(sweep.score(t)))) for t, a in zip(trials, placed, strict=True)]
    return drawing(NARROW, HEIGHT, [*parts, *reversed(dots)], f"{sweep.title} over {key}")


def _drawn(sweep: Sweep) -> list[Trial]:
    """The best first, so that it can be drawn last and lie on top; nothing where no trial is whole."""
    pruned = [trial for trial in sweep.trials if trial.outcome == "pruned"]
    return [*sweep.ranked, *pruned] if sweep.ranked else []


def _upright(sweep: Sweep, trials: Sequence[Trial]) -> Axis:
    return axis([sweep.score(trial) for trial in trials], HEIGHT - BOTTOM, TOP)


def _placer(sweep: Sweep, x: Axis, y: Axis) -> Callable[[Trial], tuple[float, float]]:
    return lambda trial: (x(max(sweep.seconds(trial), 1e-3)), y(sweep.score(trial)))


def _dot(sweep: Sweep, trial: Trial, place: tuple[float, float]) -> Markup:
    best = trial is sweep.ranked[0]
    kind = "second" if best else "first" if trial.outcome == "complete" else "faint"
    title = tag("title", _words(sweep, trial))
    return tag("circle", title, cx=place[0], cy=place[1], r=5.5 if best else 4, class_=f"dot {kind}")


def _diamond(sweep: Sweep, trial: Trial, place: tuple[float, float]) -> Markup:
    x, y = place
    turned, title = f"rotate(45 {x:g} {y:g})", tag("title", _words(sweep, trial))
    return tag("rect", title, x=x - 5, y=y - 5, width=10, height=10, transform=turned, class_="dot third")


def _ring(place: tuple[float, float]) -> Markup:
    return tag("circle", cx=place[0], cy=place[1], r=7.5, class_="ring")


def _words(sweep: Sweep, trial: Trial) -> str:
    values = ", ".join(f"{key} {shown(value)}" for key, value in trial.values.items())
    named = f"trial {trial.number} ({trial.outcome}): {values}" if trial.values else "the head alone"
    return f"{named}; {sweep.title} {sweep.score(trial):.4f}, {sweep.seconds(trial):.1f} s"


def _names(sweep: Sweep) -> list[tuple[Trial, str]]:
    """What is told in words beside its point."""
    ranked = sweep.ranked
    named = {ranked[0].number: "best"}
    for trial in ranked:
        if trial.current:
            named[trial.number] = f"params.yaml{', best' if trial is ranked[0] else ''}"
    return [(trial, named[trial.number]) for trial in ranked if trial.number in named]


def _named(x: float, y: float, words: str, width: float) -> Markup:
    """Above the point, and within the picture."""
    half = len(words) * LETTER / 2
    return text(min(max(x, LEFT + half), width - half), y - 12, words, "middle", "name told")


def _frame(x: Axis | None, y: Axis, width: float, x_title: str, y_title: str) -> list[Markup]:
    base, right = HEIGHT - BOTTOM, width - RIGHT
    parts = []
    for value in y.marks():
        parts.append(tag("line", x1=LEFT, x2=right, y1=y(value), y2=y(value), class_="grid"))
        parts.append(text(LEFT - 8, y(value) + 4, f"{value:g}", "end"))
    parts.append(tag("line", x1=LEFT, x2=right, y1=base, y2=base, class_="axis"))
    if x is not None:
        parts += [text(x(value), base + 17, f"{value:g}", "middle") for value in x.marks()]
    if x_title:
        parts.append(text((LEFT + right) / 2, HEIGHT - 7, x_title, "middle", "name"))
    turned = f"translate(12 {(TOP + base) / 2:g}) rotate(-90)"
    parts.append(tag("text", y_title, transform=turned, text_anchor="middle", class_="name"))
    return parts


def _number(value: object) -> float | None:
    bare = value[0] if isinstance(value, list) and len(value) == 1 else value
    return float(bare) if isinstance(bare, int | float) and not isinstance(bare, bool) else None


def shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _aside(number: int) -> float:
    """Points of one column side by side: a shift in -0.25…0.25 that follows from the trial's number."""
    return (number * 0.618034 % 1 - 0.5) / 2
