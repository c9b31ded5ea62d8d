"""The tables of error and power in docs/gates.md, written from the results of benchmarks."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.workspace import RESULTS, ROOT

PAGE = ROOT / "docs" / "gates.md"
NAME = "guarantees"
Measured = Sequence[Mapping[str, Any]]


def published(name: str = NAME) -> Measured:
    """What the last run of a benchmark measured: a mapping for each rule and size."""
    return list(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["rules"])


def written(page: str, measured: Measured, name: str = NAME) -> str:
    """The page with a table between the markers of each unit: `<!-- guarantees: samples -->` and `<!-- end -->`."""
    for unit in dict.fromkeys(str(m["unit"]) for m in measured):
        parts = re.split(f"(?<=<!-- {name}: {unit} -->\n).*?(?=<!-- end -->)", page, flags=re.S)
        if len(parts) != 2:
            raise ValueError(f"{len(parts) - 1} places for the table of {unit}, not one")
        page = f"{table([m for m in measured if m['unit'] == unit], unit)}\n".join(parts)
    return page


def table(measured: Measured, unit: str) -> str:
    """Error / power at each size, in %, and the largest error; a dash where that was not measured."""
    sizes = sorted({int(m["n"]) for m in measured})
    head = [f"| rule | {' | '.join(map(str, sizes))} {unit} | power for |", "|---" * (len(sizes) + 2) + "|"]
    rules = dict.fromkeys(str(m["rule"]) for m in measured)
    lines = [_line(rule, [m for m in measured if m["rule"] == rule], sizes) for rule in rules]
    most = max(measured, key=lambda m: float(m["error"]))
    said = f"The largest of these errors is {most['error']:.1f} %: {most['rule']}, {most['n']} {unit}, {most['worst']}."
    return "\n".join([*head, *lines, "", said])


def _line(rule: str, measured: Measured, sizes: Sequence[int]) -> str:
    cells = {m["n"]: f"{m['error']:.1f} / {m['power']:.0f}" for m in measured}
    exact = [f"{m['exact']:.0f}" for m in measured if m["exact"] is not None]
    known = f" (exact test: {', '.join(exact)})" if exact else ""
    return f"| {rule} | {' | '.join(cells.get(size, '–') for size in sizes)} | {measured[0]['of']}{known} |"
