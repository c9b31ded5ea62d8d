"""The page of a window: whether it differs from the reference, in what, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.reporting import bars, distributions
from components.reporting.material import mapping, sequence
from components.reporting.svg import Point
from components.reporting.templates import template

MOST_CLASSES = 20  # that are drawn


@dataclass(frozen=True)
class Seen:
    """What the page is made of.

    Attributes:
        found: the file window.json.
        values: statistic → (of the reference, of the window).
        plane: embeddings of both on two axes; empty where there are none.
        unsure: (id, decision, confidence) of the samples most worth a label.
    """

    found: Mapping[str, object]
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    plane: tuple[Sequence[Point], Sequence[Point]] = ((), ())
    unsure: Sequence[tuple[str, str, float]] = field(default=())


def render(seen: Seen) -> str:
    """The whole page as text. It fetches nothing, and follows light and dark."""
    found = seen.found
    shares = mapping(found.get("shares"))
    names = [str(name) for name in shares][:MOST_CLASSES]
    ours = [_share(shares[name], "reference") for name in names]
    theirs = [_share(shares[name], "window") for name in names]
    return template("drift.html.j2").render(
        found=found,
        alarm=bool(found.get("alarm")),
        tests=[_test(mapping(test)) for test in sequence(found.get("tests"))],
        accuracy=[_accuracy(str(name), mapping(value)) for name, value in _accuracies(found)],
        shares=distributions.shares(names, ours, theirs),
        hidden=max(len(shares) - MOST_CLASSES, 0),
        panels=[(name, distributions.cumulative(*both, name)) for name, both in seen.values.items()],
        cloud=distributions.cloud(*seen.plane) if len(seen.plane[0]) else "",
        unsure=[(name, decision, f"{confidence:.3f}") for name, decision, confidence in seen.unsure],
    )


def shown_p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def _test(test: Mapping[str, object]) -> Mapping[str, object]:
    before, now = test.get("reference"), test.get("window")
    both = isinstance(before, int | float) and isinstance(now, int | float)
    return {
        "name": test["name"],
        "by": test["by"],
        "alarm": bool(test["alarm"]),
        "p": shown_p(_number(test["adjusted"])),
        "alone": shown_p(_number(test["p"])),
        "value": f"{_number(test['value']):.3g}",
        "medians": f"median {_number(before):.3g} → {_number(now):.3g}" if both else "",
    }


def _accuracies(found: Mapping[str, object]) -> Sequence[tuple[object, object]]:
    return [(name, value) for name, value in mapping(found.get("accuracy")).items() if value]


def _accuracy(name: str, value: Mapping[str, object]) -> Mapping[str, object]:
    low, estimate, high = (_number(value[key]) for key in ("low", "estimate", "high"))
    return {
        "name": name,
        "estimate": f"{estimate:.1%}",
        "range": f"{low:.1%} to {high:.1%}, {value['samples']} samples",
        "bar": bars.unit_bar(low, estimate, high),
    }


def _share(value: object, side: str) -> float:
    return _number(mapping(value)[side])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
