"""The page of a window: whether it differs from the reference, in what, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from components.reporting import distributions
from components.reporting.material import mapping, sequence
from components.reporting.notation import explained, title
from components.reporting.svg import Point
from components.reporting.templates import template

MOST_CLASSES = 20  # that are drawn


class Unsure(Protocol):
    """A sample worth a label; `sure` says how sure its decision is."""

    @property
    def id(self) -> str: ...

    @property
    def decision(self) -> str: ...

    @property
    def sure(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Seen:
    """What the page is made of.

    Attributes:
        found: the file window.json.
        values: statistic → (of the reference, of the window).
        plane: embeddings of both on two axes; empty where there are none.
        unsure: the samples most worth a label.
        titles: metric → its name for people.
    """

    found: Mapping[str, object]
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    plane: tuple[Sequence[Point], Sequence[Point]] = ((), ())
    unsure: Sequence[Unsure] = field(default=())
    titles: Mapping[str, str] = field(default_factory=dict)


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
        kinds=[
            (str(kind), _figures(mapping(of), seen.titles))
            for kind, of in mapping(found.get("metrics")).items()
        ],
        shares=distributions.shares(names, ours, theirs) if names else "",
        hidden=max(len(shares) - MOST_CLASSES, 0),
        panels=[(name, distributions.cumulative(*both, name)) for name, both in seen.values.items()],
        cloud=distributions.cloud(*seen.plane) if len(seen.plane[0]) else "",
        unsure=[
            (one.id, one.decision, [f"{value:.3f}" for value in one.sure.values()]) for one in seen.unsure
        ],
        sure=list(seen.unsure[0].sure) if seen.unsure else [],
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


def _figures(figures: Mapping[str, object], titles: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
    """Estimates with their intervals, or why there are none."""
    return [
        {"name": title(name, titles), "value": explained(one) or "undefined", "samples": one.get("n")}
        for name, one in ((str(name), mapping(value)) for name, value in figures.items())
    ]


def _share(value: object, side: str) -> float:
    return _number(mapping(value)[side])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
