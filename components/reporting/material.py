"""What the page is made of: the artefacts of a workspace, each of which may be missing."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from components.params import plugins
from components.params.task import TaskParams
from components.problems.shown import PlainShow
from components.reporting.notation import number, rule_words, title

if TYPE_CHECKING:
    from components.problems.operation import Show

Object = Mapping[str, object]
Table = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Material:
    """The files that the page shows; a missing or damaged one is empty, and its section says so.

    Attributes:
        task: what was done.
        evaluation: the folder with the tables that the problem's charts are of.
    """

    task: TaskParams
    evaluation: Path
    verdict: Object
    operational: Object
    metrics: Object
    parity: Object
    release: Object
    selected: Object
    head: Object
    tuned: Object
    controls: Object
    dataset: Object
    data_report: Object
    quarantine: Object
    checkpoint: Object
    adapted: Object
    source: Object
    timings: Object
    evaluations: Sequence[Object]
    head_curve: Table
    tuned_curve: Table

    @cached_property
    def show(self) -> "Show":
        """The problem's part that knows what people see; a plain one where nothing describes the targets."""
        from components.problems.operation import (
            show,  # it imports numpy, which a flow's summary does without
        )

        described = mapping(self.dataset.get("target"))
        known = described.get("problem") == self.task.problem
        return show(self.task, described) if known else PlainShow(self.task, described)

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Metric → its name for people, in the order of the page; without those of one part of a target."""
        named = self.show.titles
        metrics = plugins.fact("problems", self.task.problem, "METRICS")
        return {name: title(name, named) for name in dict.fromkeys((*named, *metrics))}

    def rule_words(self, rule: str) -> str:
        """A rule of the gate, its metrics by their titles."""
        return rule_words(rule, self.task.problem, self.titles)

    @property
    def fitted(self) -> Object:
        """What calibration found."""
        return mapping(self.selected.get("decision"))

    def table(self, file: str) -> Table:
        """Of the evaluation."""
        return read_table(self.evaluation / file)


OBJECTS = {
    "verdict": "verdict.json",
    "metrics": "evaluation/metrics.json",
    "parity": "release/parity.json",
    "release": "release/manifest.json",
    "selected": "selected/selected.json",
    "head": "head/head.json",
    "tuned": "tuned/tuned.json",
    "controls": "controls/controls.json",
    "dataset": "dataset/dataset.json",
    "data_report": "dataset/report.json",
    "quarantine": "dataset/quarantine.json",
    "checkpoint": "checkpoint/provenance.json",
    "adapted": "adapted/provenance.json",
}
TIMINGS, EVALUATIONS = "runs/timings.json", "evaluations.jsonl"
TABLES = {
    "head_curve": "head/curves.csv",
    "tuned_curve": "tuned/curves.csv",
}


def gather(root: Path, home: Path, task: TaskParams, operational: Object | None = None) -> Material:
    """Read what lies in the workspace `root` and in its local state `home`.

    Args:
        task: of params.yaml.
        operational: the verdict on latency and throughput of this machine, where it was measured.
    """
    found: dict[str, object] = {name: read_object(root / path) for name, path in OBJECTS.items()}
    found |= {name: read_table(root / path) for name, path in TABLES.items()}
    found["timings"] = read_object(home / TIMINGS)
    found["evaluations"] = read_lines(home / EVALUATIONS)
    found["source"] = next(iter(read_lines(root / "data" / "source.lock")), {})
    found |= {"operational": operational or {}, "task": task, "evaluation": root / "evaluation"}
    return Material(**{field.name: found[field.name] for field in fields(Material)})  # type: ignore[arg-type]


def read_object(path: Path) -> Object:
    """The JSON object in `path`, or nothing."""
    try:
        return _object(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def read_lines(path: Path) -> list[Object]:
    """The JSON objects among the lines of `path`; other lines are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    return [found for line in lines if (found := _object(line))]


def _object(text: str) -> Object:
    try:
        return mapping(json.loads(text))
    except ValueError:
        return {}


def read_table(path: Path) -> Table:
    """The rows of the CSV file `path`, or none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []


def mapping(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else []


def column(table: Table, name: str) -> list[float]:
    """The column's numbers; rows without one are left out."""
    found = [number(row.get(name)) for row in table]
    return [value for value in found if value is not None]


def points(table: Table, x: str, y: str) -> list[tuple[float, float]]:
    """(x, y) of the rows that have both."""
    pairs = [(number(row.get(x)), number(row.get(y))) for row in table]
    return [(a, b) for a, b in pairs if a is not None and b is not None]
