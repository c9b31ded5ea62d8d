"""The reference of a registered version: what its release says of samples that it was not trained on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.data.dataset import Dataset
from components.errors import DataError, GraftlineError
from components.monitoring.judged import Problem
from components.monitoring.observed import Observed, drawn, from_parquet, to_parquet
from components.params import Params
from components.problems import decision as decision_of
from components.problems.operation import watch
from components.progress import log, progress
from components.registry.fetch import fetch
from components.registry.reference import Shelf, Watched
from components.stages.artefacts import require

if TYPE_CHECKING:  # they import torch, which a reference that is there already does not need
    from components.inference.bundle import Bundle
    from components.inference.observing import Row
    from components.stages.domains import Chosen

SIDES = ("validation", "calibration")
MOST = 2000  # samples of a reference


@dataclass(frozen=True)
class Made:
    """Attributes:
    created: whether it was made now; else it was there already.
    """

    watched: Watched
    samples: int
    created: bool

    def __str__(self) -> str:
        how = "made" if self.created else "was there already"
        return (
            f"The reference of {self.watched.name} version {self.watched.version} {how}: {self.samples} samples, "
            f"{self.watched.reference[:12]}"
        )


def make_reference(root: Path, params: Params, version: str | None = None, alias: str = "champion") -> Made:
    """The reference of a version, made where it has none that can be used.

    Its samples are of the validation and calibration sides, both of the version's own list and of the data that lie
    in dataset/: no test sample, and none that it was trained on. Raises RegistryError, DigestMismatch, or DataError
    where dataset/ holds none of them.
    """
    shelf = Shelf(root, params.tracking)
    watched = shelf.find(version, alias)
    if there := _usable(shelf, watched):
        return Made(watched, tested(there), created=False)
    made = _observed(root, params, watched, json.loads(shelf.samples(watched)))
    return Made(shelf.keep(watched, to_parquet(made)), tested(made), created=True)


def _observed(root: Path, params: Params, watched: Watched, listed: Mapping[str, Sequence[str]]) -> Observed:
    """What the version's release says of the samples of a reference, of which `listed` names those of each side."""
    from components.inference.bundle import open_bundle
    from components.inference.observing import Raw, observe, observer

    require(root, ["dataset"], "the reference of monitoring")
    dataset = Dataset.open(root / "dataset")
    # Refused before any sample is looked at, where the problem has nothing to watch.
    watch(params.task, dataset.description, decision_of(params.task, dataset.description))
    plan = _plan(dataset, params, listed)
    found = fetch(root, params.tracking, watched.version)
    bundle = open_bundle(found.folder)
    model = observer(bundle, params.runtime.providers, params.runtime.cores)
    raw = (Raw(i, partial(dataset.read, i)) for i in plan.ids)
    shown = progress(raw, "reference", "samples", total=len(plan.ids))
    rows = [row for row in observe(bundle, model, shown, params.runtime.cores) if not row.reason]
    about = {
        "release_sha256": watched.digest,
        "contract_sha256": bundle.contract.sha256,
        "dataset_sha256": dataset.digest,
        "tested": sum(row.id in plan.tested for row in rows),
    }
    return gathered(bundle, rows, plan.known, {**about, **_moments(rows, plan.tested)})


def make_reference_if_possible(root: Path, params: Params, version: str) -> None:
    """After a registration, which a missing reference does not undo."""
    if not (root / "dataset").exists():
        log("No dataset/ here: the version gets no reference for monitoring.")
        return
    try:
        log(str(make_reference(root, params, version)))
    except GraftlineError as error:
        again = f"python -m flows.monitor reference --version {version}"
        log(f"The version has no reference for monitoring: {error} To try again: {again}")


def tested(reference: Observed) -> int:
    """How many of its first samples are of what the release is for; those behind them only teach a threshold."""
    return int(str(reference.about["tested"]))


def problem_of(bundle: "Bundle") -> Problem:
    """ParamsError where the problem does not say what there is to watch."""
    return Problem.of(bundle.task, bundle.description, bundle.decision)


def gathered(
    bundle: "Bundle", rows: "Sequence[Row]", labels: Mapping[str, str], about: Mapping[str, object]
) -> Observed:
    """Readable rows as one; `labels`, id → label at rest, of those that are known."""
    problem, columns = problem_of(bundle), bundle.decision.columns
    # In the type that they have: rounded, an answer that was merged of several rows could be decided otherwise.
    answers = np.array([row.answer for row in rows]).reshape(len(rows), len(columns))
    names = list(rows[0].statistics) if rows else []
    return Observed(
        [row.id for row in rows],
        [row.sha256 for row in rows],
        columns,
        answers,
        problem.watch.words(answers),
        np.array([row.embedding for row in rows], dtype=np.float32).reshape(len(rows), -1),
        {name: np.array([row.statistics[name] for row in rows]) for name in names},
        problem.known([labels.get(row.id, "") for row in rows]),
        about,
    )


def _usable(shelf: Shelf, watched: Watched) -> Observed | None:
    if not watched.reference:
        return None
    try:
        return from_parquet(shelf.reference(watched), "its reference")
    except GraftlineError as error:
        log(f"{error.message} It is made again.")
        return None


@dataclass(frozen=True)
class _Plan:
    """Attributes:
    ids: those of `tested` first.
    known: ids of the samples whose label may be seen → that label.
    """

    ids: Sequence[str]
    tested: frozenset[str]
    known: Mapping[str, str]


def _plan(dataset: Dataset, params: Params, listed: Mapping[str, Sequence[str]]) -> _Plan:
    from components.stages.domains import decided, regardless

    allowed = {side: set(listed.get(side, ())) for side in SIDES}
    known: dict[str, str] = {}
    wanted: list[str] = []
    for side in SIDES:
        with suppress(DataError):  # a small side may lack a class
            known |= {
                i: t for i, t in _of(dataset, decided(dataset, side, params.domains)) if i in allowed[side]
            }
        with suppress(DataError):  # or the target
            target = regardless(dataset, side, params.domains, params.domains.target)
            wanted += [i for i in target.ids if i in allowed[side]]
    if not wanted:
        raise DataError(
            "dataset/ holds no validation or calibration sample that this version was not trained on.",
            "Bring the data that it was made from: git checkout its commit, python -m components pull dataset.",
        )
    tested_ids = _some(wanted, params.seed)
    others = _some([i for i in known if i not in set(wanted)], params.seed)
    return _Plan([*tested_ids, *others], frozenset(tested_ids), known)


def _of(dataset: Dataset, chosen: "Chosen") -> Iterator[tuple[str, str]]:
    labels = dataset.labels()
    return zip(chosen.ids, (labels[row] for row in chosen.rows), strict=True)


def _some(ids: Sequence[str], seed: int) -> list[str]:
    ordered = sorted(ids)
    return [ordered[i] for i in drawn(len(ordered), MOST, seed)]


def _moments(rows: "Sequence[Row]", tested_ids: frozenset[str]) -> dict[str, object]:
    """Mean and standard deviation of each dimension of the embedding, over the tested samples."""
    found = np.array([row.embedding for row in rows if row.id in tested_ids], dtype=np.float64)
    if not len(found):
        return {}
    return {"mean": found.mean(axis=0).tolist(), "std": found.std(axis=0).tolist()}
