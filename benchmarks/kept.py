"""Results of single cells: a line each in benchmarks/results/methods/<pair>.jsonl, kept with the repository.

Whoever clones it goes on where the last machine stopped.
"""

import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from benchmarks.summary import Run
from benchmarks.workspace import RESULTS, processor
from components.storage.publish import write_bytes

PLACE = RESULTS / "methods"


class Key(TypedDict):
    """What a result depends on, as digests: the parameters, and the code of its stage and of those before it."""

    params: str
    code: str


class Line(Run):
    """A run, what it depends on, and where it was measured."""

    cell: str
    seed: int
    key: Key
    machine: str
    date: str


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def read(pair: str) -> dict[tuple[str, int], Line]:
    """The lines of a pair by cell and seed."""
    path = _path(pair)
    lines = path.read_text().splitlines() if path.exists() else []
    return {(line["cell"], line["seed"]): line for line in map(json.loads, lines)}


def keep(pair: str, cell: str, seed: int, key: Key, run: Run) -> None:
    """Put a result in the place of what was there before."""
    where = f"{processor()}, {platform.python_version()}"
    line: Line = {
        **run,
        "cell": cell,
        "seed": seed,
        "key": key,
        "machine": where,
        "date": time.strftime("%Y-%m-%d"),
    }
    write(pair, read(pair) | {(cell, seed): line})


def write(pair: str, lines: Mapping[tuple[str, int], Line]) -> None:
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for _, line in sorted(lines.items()))
    write_bytes(_path(pair), text.encode())


def spent(pairs: Mapping[str, object]) -> dict[str, object]:
    """When the lines of these pairs were measured, and what that took, in the page's words."""
    lines = [line for pair in pairs for line in read(pair).values()]
    dates = sorted(line["date"] for line in lines)
    seconds = [line["seconds"] for line in lines]
    return {
        "when": " to ".join(dict.fromkeys((dates[0], dates[-1]))),
        "count": len(lines),
        "longest": max(seconds),
        "minutes": sum(seconds) / 60,
    }


def _path(pair: str) -> Path:
    return PLACE / f"{slug(pair)}.jsonl"
