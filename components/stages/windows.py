"""A window: what a registered release says of the inputs of an hour or a day, and the name that these inputs have."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.tables import TableFile
from components.errors import DataError, SourceError
from components.inference.bundle import Bundle, open_bundle
from components.inference.inputs import Input, Inputs
from components.inference.observing import Raw, Row, observer
from components.inference.plan import digest
from components.inference.results import Scored
from components.monitoring.observed import Observed, drawn
from components.params import Params
from components.params.watching import Look
from components.progress import log, progress
from components.registry.fetch import fetch
from components.registry.reference import Watched
from components.stages.reference import gathered, look_at
from components.stages.score import open_inputs
from components.storage.cells import unescape
from components.storage.publish import sha256_bytes

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Attributes:
    id: names what was looked at: equal inputs, seen by one release, are one window.
    observed: the samples that were drawn and could be read.
    inputs, unreadable: of the whole window, or of the drawn ones where nothing was scored.
    decided: id → decision of all samples that have one.
    """

    id: str
    watched: Watched
    observed: Observed
    inputs: int
    unreadable: int
    decided: Mapping[str, str]


def open_window(root: Path, params: Params, watched: Watched, look: Look, scored: Scored | None) -> Window:
    """Raises StorageError, SourceError, DataError or RegistryError where it cannot be had."""
    if scored is None:
        return _direct(root, params, watched, look)
    return _scored(root, params, watched, look, scored)


def _direct(root: Path, params: Params, watched: Watched, look: Look) -> Window:
    """The release answers what was drawn of the inputs, and nothing else."""
    inputs = open_inputs(root, look.job)
    listed = 0

    def counted() -> Iterator[Input]:
        nonlocal listed
        for item in progress(inputs, "list inputs", "inputs"):
            listed += 1
            yield item

    name = digest(counted())
    rows = drawn(listed, params.monitoring.samples, int(name[:8], 16))
    wanted = set(rows.tolist())
    chosen = [Raw(item.id, item.load) for place, item in enumerate(inputs) if place in wanted]
    bundle, seen = _seen(root, params, watched, chosen)
    contents = "\n".join(f"{row.id} {row.sha256}" for row in seen)
    readable = [row for row in seen if not row.reason]
    observed = gathered(bundle, readable, {}, _rule(bundle))
    return Window(
        sha256_bytes(f"{watched.digest}\n{name}\n{contents}".encode()),
        watched,
        observed,
        len(seen),
        len(seen) - len(readable),
        {i: bundle.decision.names[d] for i, d in zip(observed.ids, observed.decisions, strict=True)},
    )


def _scored(root: Path, params: Params, watched: Watched, look: Look, scored: Scored) -> Window:
    """Answers are those that were written; what is not in them is measured on the inputs."""
    answered = np.array([i for i, reason in enumerate(scored.reasons) if reason is None], dtype=np.int64)
    rows = answered[drawn(len(answered), params.monitoring.samples, int(scored.digest[:8], 16))]
    if look.input is not None:
        observed = _measured(root, params, watched, scored, rows, open_inputs(root, look.job))
    elif scored.embedded and len(rows):
        log("Without the inputs (--input) their statistics are not compared.")
        observed = _of_rows(scored, rows, scored.embeddings(rows), {})
    else:
        raise DataError(
            f"{scored.folder} holds no embeddings.",
            "Name what was scored by --input, or score with --embeddings.",
        )
    decided = {scored.ids[i]: str(scored.decisions[i]) for i in answered}
    return Window(scored.digest, watched, observed, len(scored.ids), len(scored.ids) - len(answered), decided)


def _measured(
    root: Path, params: Params, watched: Watched, scored: Scored, rows: Rows, inputs: Inputs
) -> Observed:
    """Raises SourceError where an input is no longer the one that was scored."""
    wanted = {scored.ids[row]: scored.digests[row] for row in rows}
    found = {item.id: item for item in inputs if item.id in wanted}
    raw = [Raw(name, _same(found.get(name), name, content)) for name, content in wanted.items()]
    bundle, seen = _seen(root, params, watched, raw)
    made = gathered(bundle, seen, {}, _rule(bundle))
    return _of_rows(scored, rows, made.embeddings, made.statistics, made.about)


def _same(item: Input | None, name: str, content: str | None) -> Callable[[], bytes]:
    def load() -> bytes:
        try:
            payload = item.load() if item is not None else None
        except DataError:
            payload = None
        if payload is None or sha256_bytes(payload) != content:
            what = "there no more" if payload is None else "another than the one that was scored"
            raise SourceError(f"The input {name} is {what}.", "Bring it back, or score again.")
        return payload

    return load


def _of_rows(
    scored: Scored,
    rows: Rows,
    embeddings: npt.NDArray[np.float32],
    statistics: Mapping[str, npt.NDArray[np.float64]],
    about: Mapping[str, object] | None = None,
) -> Observed:
    place = {name: number for number, name in enumerate(scored.classes)}
    return Observed(
        [scored.ids[row] for row in rows],
        [scored.digests[row] or "" for row in rows],
        scored.classes,
        scored.probabilities[rows],
        np.array([place[str(scored.decisions[row])] for row in rows], dtype=np.int64),
        embeddings,
        statistics,
        np.full(len(rows), -1, dtype=np.int64),
        about or {},
    )


def _seen(root: Path, params: Params, watched: Watched, raw: list[Raw]) -> tuple[Bundle, list[Row]]:
    bundle = open_bundle(fetch(root, params.tracking, watched.version).folder)
    runtime = params.runtime
    model = observer(bundle, runtime.providers, runtime.cores)
    return bundle, list(look_at(bundle, model, progress(raw, "look", "samples"), runtime.cores))


def _rule(bundle: Bundle) -> dict[str, object]:
    positive, threshold = bundle.decision.fitted.get("positive"), bundle.decision.fitted.get("threshold")
    return {
        "positive": None if positive is None else bundle.decision.names.index(str(positive)),
        "threshold": threshold,
    }


def read_labels(path: Path, classes: Sequence[str]) -> dict[str, str]:
    """Id → class, of the rows that have a label. Raises DataError for another table, or an unknown class."""
    wanted, known = [("--labels", "id"), ("--labels", "label")], dict[str, str]()
    for row in TableFile(str(path), lambda: path.open("rb"), wanted, "It needs: id, label.").rows():
        name, label = unescape(row.text("id")), unescape(row.text("label"))
        if not label:
            continue
        if label not in classes:
            raise DataError(
                f"{row.place}: {name} has the label {label!r}.", f"Allowed: {', '.join(classes)}."
            )
        if known.setdefault(name, label) != label:
            raise DataError(
                f"{row.place}: {name} has the label {label!r}, and {known[name]!r} in an earlier row."
            )
    return known
