"""What `python -m flows.monitor` does, without the orchestrator: a window against the reference of its version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from components.errors import DataError, DigestMismatch
from components.inference.results import read_scored
from components.monitoring.comparison import Asked, Test, compare, count_tests, decisions, varies
from components.monitoring.judged import Figures, Problem
from components.monitoring.labels import to_csv, worth_labelling
from components.monitoring.observed import Observed, draw, from_parquet, to_parquet
from components.monitoring.projection import plane
from components.monitoring.several import refuse_too_few
from components.params import Params
from components.params.watching import Look
from components.registry.reference import Shelf, Watched
from components.reporting import drift
from components.sources.base import public
from components.stages.before import open_look
from components.stages.reference import problem_of, tested
from components.stages.windows import Window, count_window, open_version, open_window, read_labels
from components.storage.home import home
from components.storage.publish import write_bytes, write_json

LABELS = "label.csv"  # samples worth a label, the most useful first
SHOWN = 12  # samples worth a label, on the page


@dataclass(frozen=True)
class Found:
    """Attributes:
    facts: what lies in window.json.
    folder: where that file, the page (index.html), label.csv and window.parquet lie.
    """

    facts: Mapping[str, object]
    folder: Path
    tests: tuple[Test, ...]

    @property
    def window(self) -> str:
        return str(self.facts["window"])

    @property
    def alarm(self) -> bool:
        return bool(self.facts["alarm"])

    @property
    def page(self) -> Path:
        return self.folder / "index.html"


def monitor(root: Path, params: Params, look: Look) -> Found:
    """Compare, and write what was found to `.graftline/monitoring/<model>/<window>`.

    Raises RegistryError (no version, or no reference), DigestMismatch, DataError (too few samples), ParamsError (too
    few permutations), before any input is read where that can be.
    """
    inputs = open_look(root, look)
    shelf = Shelf(root, params.tracking)
    scored = read_scored(root / look.scored) if look.scored else None
    watched = shelf.of_release(scored.model.release_sha256) if scored else shelf.find(*look.chosen)
    counted = count_window(params.monitoring, inputs, scored)
    reference = open_reference(shelf, watched)
    opened = open_version(root, params, watched)
    problem = problem_of(opened.bundle)
    columns = opened.bundle.decision.columns
    if list(reference.columns) != list(columns):
        raise DigestMismatch(
            f"The reference of {watched.name} version {watched.version} has the answers "
            f"{', '.join(reference.columns)}, in this order; the release has {', '.join(columns)}.",
            f"Make it again: python -m flows.monitor reference --version {watched.version}",
        )
    _refuse(params, reference, problem)
    known = read_labels(root / look.labels, problem.watch) if look.labels else {}
    window = open_window(params, opened, inputs, counted)
    seed = int(window.id[:8], 16)
    ours = reference.taken(np.arange(tested(reference)))
    ours = draw(ours, params.monitoring.samples, params.seed)
    asked = Asked(params.monitoring.alarm_rate, params.monitoring.permutations, params.monitoring.least, seed)
    tests = compare(ours, window.observed, asked, problem.watch)
    facts = {
        **_facts(params, window, tests, ours),
        "shares": _shares(ours, window.observed, problem),
        "source": public(look.input) if look.input else str(look.scored),
        "metrics": _metrics(params.evaluate.confidence, (reference, window), known, problem),
        "headline": list(problem.judge.headline),
        "not_estimated": problem.watch.undefined,
    }
    folder = folder_of(root, params, window.id)
    _write(folder, facts, (ours, window.observed), problem, params.monitoring.label)
    return Found(facts, folder, tuple(tests))


def folder_of(root: Path, params: Params, window: str) -> Path:
    """Where a look at the window `window` leaves its files: label.csv among them."""
    return home(root) / "monitoring" / params.tracking.model / window[:16]


def open_reference(shelf: Shelf, watched: Watched) -> Observed:
    """Raises as Shelf.reference, and StorageError for a format of before."""
    found = from_parquet(
        shelf.reference(watched), f"The reference of {watched.name} version {watched.version}"
    )
    if found.about.get("release_sha256") != watched.digest:
        raise DigestMismatch(
            f"The reference of {watched.name} version {watched.version} is of another release.",
            "Check who can write to the registry.",
        )
    kept = str(found.about.get("contract_sha256", ""))
    if kept and watched.contract and kept != watched.contract:
        raise DigestMismatch(
            f"The reference of {watched.name} version {watched.version} was made for another contract (classes in "
            "another order, another input or threshold).",
            f"Make it again: python -m flows.monitor reference --version {watched.version}",
        )
    return found


def _refuse(params: Params, reference: Observed, problem: Problem) -> None:
    """What can be known to lead nowhere before anything slow is done."""
    monitoring = params.monitoring
    refuse_too_few(monitoring.permutations, count_tests(reference, problem.watch), monitoring.alarm_rate)
    if tested(reference) < monitoring.least:
        raise DataError(
            f"The reference has {tested(reference)} samples; monitoring.least asks for {monitoring.least}.",
            "Raise data.split.validation and data.split.calibration for the next version, or lower it (30 at least).",
        )


def _facts(params: Params, window: Window, tests: list[Test], ours: Observed) -> dict[str, object]:
    theirs = window.observed
    return {
        "window": window.id,
        "model": window.watched.name,
        "version": window.watched.version,
        "release_sha256": window.watched.digest,
        "reference_sha256": window.watched.reference,
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rate": params.monitoring.alarm_rate,
        "permutations": params.monitoring.permutations,
        "inputs": window.inputs,
        "unreadable": window.unreadable,
        "samples": len(theirs),
        "reference_samples": len(ours),
        "alarm": any(test.alarm for test in tests),
        "tests": [asdict(test) for test in tests],
    }


def _shares(ours: Observed, theirs: Observed, problem: Problem) -> dict[str, dict[str, float]]:
    """Class, label, … → its share of the decisions on both sides."""
    found: dict[str, dict[str, float]] = {}
    for one, other in decisions(ours, theirs, problem.watch).values():
        if one.kind != "numbers":
            sides = zip(one.names, one.counts / len(ours), other.counts / len(theirs), strict=True)
            found |= {name: {"reference": float(a), "window": float(b)} for name, a, b in sides}
    return found


def _metrics(
    level: float, sides: tuple[Observed, Window], known: Mapping[str, str], problem: Problem
) -> dict[str, Figures]:
    """Of the reference and of the window: estimated, and measured on the labels that are there."""
    reference, window = sides
    found: dict[str, Figures] = {}
    labelled = reference.taken(reference.labelled)
    if len(labelled):
        found["reference"] = problem.measured(labelled.answers, labelled.labels, level)
        seed = int(window.id[:8], 16)
        found["estimated without labels"] = problem.estimated(labelled, window.observed, level, seed)
    rows = [row for row, name in enumerate(window.ids) if name in known]
    if known and not rows:
        raise DataError("None of the labels is of a sample of this window.", "Check the column id.")
    if rows:
        labels = [known[window.ids[row]] for row in rows]
        found["measured"] = problem.measured(window.answers[rows], labels, level)
    return {name: figures for name, figures in found.items() if figures}


def _write(
    folder: Path, facts: Mapping[str, object], sides: tuple[Observed, Observed], problem: Problem, count: int
) -> None:
    """All of it, the page last."""
    ours, theirs = sides
    write_bytes(folder / "window.parquet", to_parquet(theirs))
    listed = worth_labelling(theirs, problem.watch, count)
    write_bytes(folder / LABELS, to_csv(listed, problem.watch.fields).encode())
    write_json(folder / "window.json", facts)
    values = {
        name: (one.values.tolist(), other.values.tolist())
        for name, (one, other) in decisions(ours, theirs, problem.watch).items()
        if one.kind == "numbers"
    }
    moving = [name for name in ours.statistics if varies(name, ours, theirs)]
    values |= {name: (ours.statistics[name].tolist(), theirs.statistics[name].tolist()) for name in moving}
    both = plane(ours.embeddings, theirs.embeddings) if len(theirs.embeddings) else ([], [])
    page = drift.render(drift.Seen(facts, values, both, listed[:SHOWN], problem.titles))
    write_bytes(folder / "index.html", page.encode())
