"""A window: what a registered release says of the inputs of an hour or a day, and the name that these inputs have."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.tables import TableFile
from components.errors import DataError, SourceError
from components.inference.bundle import Bundle, open_bundle
from components.inference.inputs import Input, Inputs
from components.inference.observing import Raw, Row, observe, observer
from components.inference.plan import digest
from components.inference.results import Scored
from components.inference.unusable import refuse_other_kind
from components.monitoring.observed import Observed, drawn
from components.params import Params
from components.params.monitoring import MonitoringParams
from components.problems.operation import Watch
from components.progress import log, progress
from components.registry.fetch import fetch
from components.registry.reference import Watched
from components.sources.base import public
from components.stages.reference import gathered
from components.storage.cells import unescape
from components.storage.publish import sha256_bytes

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Attributes:
    id: names what was looked at: equal inputs, seen by one release, are one window.
    observed: the samples that were drawn and could be read.
    inputs, unreadable: of the whole window, or of the drawn ones where nothing was scored.
    ids, answers: of all samples that have an answer; (N, columns).
    """

    id: str
    watched: Watched
    observed: Observed
    inputs: int
    unreadable: int
    ids: Sequence[str]
    answers: npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Opened:
    """The version that answers: as the registry has it, and its release."""

    watched: Watched
    bundle: Bundle


def open_version(root: Path, params: Params, watched: Watched) -> Opened:
    """Raises RegistryError, DigestMismatch or StorageError where it cannot be had."""
    return Opened(watched, open_bundle(fetch(root, params.tracking, watched.version).folder))


@dataclass(frozen=True)
class Counted:
    """What a window is of, before any of it is read.

    Attributes:
        listed: how many inputs; of what was scored, those that have an answer.
        digest: of what is known of the inputs; empty where they were `scored`.
    """

    listed: int
    digest: str
    scored: Scored | None


def count_window(params: MonitoringParams, inputs: Inputs | None, scored: Scored | None) -> Counted:
    """How large the window is.

    Raises DataError for one that is too small, whatever can be read of it, or of which nobody has embeddings.
    """
    if scored is not None:
        if inputs is None and not scored.embedded:
            raise DataError(
                f"{scored.folder} holds no embeddings.",
                "Name what was scored by --input, or score with --embeddings.",
            )
        counted = Counted(sum(reason is None for reason in scored.reasons), "", scored)
        named = f"{counted.listed} of {len(scored.ids)} inputs with an answer"
    else:
        assert inputs is not None
        counted = _listed(inputs)
        named = f"{counted.listed} inputs"
    if counted.listed < params.least:
        raise DataError(
            f"The window has {named}; monitoring.least asks for {params.least}.",
            "Take a longer window, or lower monitoring.least (30 at least).",
        )
    drawn_of = min(counted.listed, params.samples)
    how = "all of them are" if drawn_of == counted.listed else f"{drawn_of}, drawn by monitoring.samples, are"
    log(f"Window: {named}; {how} compared.")
    return counted


def _listed(inputs: Inputs) -> Counted:
    count = 0

    def items() -> Iterator[Input]:
        nonlocal count
        for item in progress(inputs, "list inputs", "inputs"):
            count += 1
            yield item

    return Counted(digest=digest(items()), listed=count, scored=None)


def open_window(params: Params, opened: Opened, inputs: Inputs | None, counted: Counted) -> Window:
    """Of inputs, or of what was scored. Raises StorageError, SourceError or DataError where it cannot be had."""
    if counted.scored is not None:
        return _scored(params, opened, inputs, counted.scored)
    assert inputs is not None
    return _direct(params, opened, inputs, counted)


def _direct(params: Params, opened: Opened, inputs: Inputs, counted: Counted) -> Window:
    """The release answers what was drawn of the inputs, and nothing else."""
    watched, bundle, name = opened.watched, opened.bundle, counted.digest
    model = f"{watched.name} version {watched.version}"
    refuse_other_kind(inputs, bundle.assembly.windows, bundle.task.modality, model)
    rows = drawn(counted.listed, params.monitoring.samples, int(name[:8], 16))
    wanted = set(rows.tolist())
    chosen = [Raw(item.id, item.load) for place, item in enumerate(inputs) if place in wanted]
    seen = _seen(params, opened.bundle, chosen)
    contents = "\n".join(f"{row.id} {row.sha256}" for row in seen)
    readable = [row for row in seen if not row.reason]
    observed = gathered(opened.bundle, readable, {}, {})
    return Window(
        sha256_bytes(f"{opened.watched.digest}\n{name}\n{contents}".encode()),
        opened.watched,
        observed,
        len(seen),
        len(seen) - len(readable),
        observed.ids,
        observed.answers,
    )


def _scored(params: Params, opened: Opened, inputs: Inputs | None, scored: Scored) -> Window:
    """Answers are those that were written; what is not in them is measured on the inputs."""
    answered = np.array([i for i, reason in enumerate(scored.reasons) if reason is None], dtype=np.int64)
    answers = scored.answers(opened.bundle.decision.columns)
    rows = answered[drawn(len(answered), params.monitoring.samples, int(scored.digest[:8], 16))]
    if inputs is not None:
        seen = _measured(params, opened.bundle, scored, rows, inputs)
    else:
        log("Without the inputs (--input) their statistics are not compared.")
        seen = [
            _row(scored, row, embedding) for row, embedding in zip(rows, scored.embeddings(rows), strict=True)
        ]
    as_written = [replace(one, answer=answers[row]) for row, one in zip(rows, seen, strict=True)]
    return Window(
        scored.digest,
        opened.watched,
        gathered(opened.bundle, as_written, {}, {}),
        len(scored.ids),
        len(scored.ids) - len(answered),
        [scored.ids[row] for row in answered],
        answers[answered],
    )


def _row(scored: Scored, row: int, embedding: npt.NDArray[np.float32]) -> Row:
    return Row(scored.ids[row], scored.digests[row] or "", "", embedding[:0], embedding, {})


def _measured(params: Params, bundle: Bundle, scored: Scored, rows: Rows, inputs: Inputs) -> list[Row]:
    """Raises SourceError where an input is no longer the one that was scored."""
    wanted = {scored.ids[row]: scored.digests[row] for row in rows}
    found = {item.id: item for item in inputs if item.id in wanted}
    if missing := [name for name in wanted if name not in found]:
        raise SourceError(
            f"{public(inputs.uri)} is not what was scored: {len(missing)} of the {len(wanted)} inputs to compare are "
            f"not there, for instance {missing[0]}.",
            f"Name the inputs that {scored.folder} was made from by --input, or score these.",
        )
    raw = [Raw(name, _same(found[name], name, content)) for name, content in wanted.items()]
    return _seen(params, bundle, raw)


def _same(item: Input, name: str, content: str | None) -> Callable[[], bytes]:
    def load() -> bytes:
        try:
            payload = item.load()
        except DataError:
            payload = None
        if payload is None or sha256_bytes(payload) != content:
            what = "there no more" if payload is None else "another than the one that was scored"
            raise SourceError(f"The input {name} is {what}.", "Bring it back, or score again.")
        return payload

    return load


def _seen(params: Params, bundle: Bundle, raw: list[Raw]) -> list[Row]:
    runtime = params.runtime
    model = observer(bundle, runtime.providers, runtime.cores)
    return list(observe(bundle, model, progress(raw, "look", "samples"), runtime.cores))


def read_labels(path: Path, watch: Watch) -> dict[str, str]:
    """Id → label at rest, of the rows that have one. Raises DataError for another table, or a label that cannot be."""
    names = ("id", *watch.fields)
    wanted, known = [("--labels", name) for name in names], dict[str, str]()
    needs = f"It needs: {', '.join(names)}."
    for row in TableFile(str(path), lambda: path.open("rb"), wanted, needs).rows():
        name, *cells = (unescape(row.text(column)) for column in names)
        if not any(cells):
            continue
        written = cells[0] if len(cells) == 1 else cells
        label = watch.label(cells)
        if label is None:
            raise DataError(f"{row.place}: {name} has the label {written!r}.", watch.allowed)
        if known.setdefault(name, label) != label:
            raise DataError(
                f"{row.place}: {name} has the label {written!r}, and another one in an earlier row."
            )
    return known
