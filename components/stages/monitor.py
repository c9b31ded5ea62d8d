"""What `python -m flows.monitor` does, without the orchestrator: a window against the reference of its version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from components.errors import DataError, DigestMismatch
from components.inference.results import read_scored
from components.monitoring.accuracy import Interval, estimated, measured
from components.monitoring.comparison import Asked, Test, compare, count_tests, varies
from components.monitoring.labels import to_csv, worth_labelling
from components.monitoring.observed import Observed, draw, from_parquet, to_parquet
from components.monitoring.projection import plane
from components.monitoring.several import refuse_too_few
from components.params import Params
from components.params.watching import Look
from components.registry.reference import Shelf, Watched
from components.reporting import drift
from components.sources.base import public
from components.stages.reference import tested
from components.stages.windows import Window, open_window, read_labels
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
    shelf = Shelf(root, params.tracking)
    scored = read_scored(root / look.scored) if look.scored else None
    watched = shelf.of_release(scored.model.release_sha256) if scored else shelf.find(*look.chosen)
    reference = open_reference(shelf, watched)
    if scored and list(scored.classes) != list(reference.classes):
        raise DigestMismatch(
            f"{look.scored} was scored with the classes {', '.join(scored.classes)}, in this order; the release has "
            f"{', '.join(reference.classes)}.",
            "Score again.",
        )
    _refuse(params, reference)
    window = open_window(root, params, watched, look, scored)
    known = read_labels(root / look.labels, window.observed.classes) if look.labels else {}
    seed = int(window.id[:8], 16)
    ours = reference.taken(np.arange(tested(reference)))
    ours = draw(ours, params.monitoring.samples, params.seed)
    asked = Asked(params.monitoring.alarm_rate, params.monitoring.permutations, params.monitoring.least, seed)
    tests = compare(ours, window.observed, asked)
    facts = {
        **_facts(params, window, tests, ours),
        "source": public(look.input) if look.input else str(look.scored),
        "accuracy": _accuracy(params, reference, window, known),
    }
    folder = folder_of(root, params, window.id)
    _write(folder, facts, ours, window.observed, params.monitoring.label)
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


def _refuse(params: Params, reference: Observed) -> None:
    """What can be known to lead nowhere before anything slow is done."""
    monitoring = params.monitoring
    refuse_too_few(monitoring.permutations, count_tests(reference), monitoring.alarm_rate)
    if tested(reference) < monitoring.least:
        raise DataError(
            f"The reference has {tested(reference)} samples; monitoring.least asks for {monitoring.least}.",
            "Raise data.split.validation and data.split.calibration for the next version, or lower it (30 at least).",
        )


def _facts(params: Params, window: Window, tests: list[Test], ours: Observed) -> dict[str, object]:
    theirs = window.observed
    shares = {
        name: {"reference": float(a), "window": float(b)}
        for name, a, b in zip(ours.classes, ours.counts / len(ours), theirs.counts / len(theirs), strict=True)
    }
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
        "shares": shares,
    }


def _accuracy(
    params: Params, reference: Observed, window: Window, known: Mapping[str, str]
) -> dict[str, object]:
    """Of the reference and of the window: estimated, and measured on the labels that are there."""
    level = params.evaluate.confidence
    found: dict[str, Interval] = {}
    labelled = reference.targets >= 0
    if labelled.any():
        right = (reference.targets == reference.decisions)[labelled]
        confidence = reference.confidence[labelled]
        found["reference"] = measured(right, level)
        random = np.random.default_rng(int(window.id[:8], 16))
        found["estimated without labels"] = estimated(
            confidence, right, window.observed.confidence, level, random
        )
    answers = [label == window.decided[name] for name, label in known.items() if name in window.decided]
    if known and not answers:
        raise DataError("None of the labels is of a sample of this window.", "Check the column id.")
    if answers:
        found["measured"] = measured(np.array(answers), level)
    return {name: asdict(value) for name, value in found.items()}


def _write(folder: Path, facts: Mapping[str, object], ours: Observed, theirs: Observed, count: int) -> None:
    """All of it, the page last."""
    write_bytes(folder / "window.parquet", to_parquet(theirs))
    listed = worth_labelling(theirs, count)
    write_bytes(folder / LABELS, to_csv(listed).encode())
    write_json(folder / "window.json", facts)
    moving = [name for name in ours.statistics if varies(name, ours, theirs)]
    values = {name: (ours.statistics[name], theirs.statistics[name]) for name in moving}
    values = {"confidence": (ours.confidence, theirs.confidence), **values}
    both = plane(ours.embeddings, theirs.embeddings) if len(theirs.embeddings) else ([], [])
    unsure = [(worth.id, worth.decision, worth.confidence) for worth in listed[:SHOWN]]
    page = drift.render(
        drift.Seen(facts, {k: (a.tolist(), b.tolist()) for k, (a, b) in values.items()}, both, unsure)
    )
    write_bytes(folder / "index.html", page.encode())
