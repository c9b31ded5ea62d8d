"""From a lock to contents: what the source holds, its classes, and the side of each sample. Nothing is decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.data.contents import Content, Rejected, classify, folds_of, merge
from components.data.dealing import assign, lacking, split_named
from components.data.formats.table import Listing, Reader, Rows, read_items
from components.data.lock import REFRESH, Assignments, Lock
from components.errors import DataError
from components.params.data import DataParams
from components.params.task import TaskParams
from components.problems.base import Reading as LabelReading


@dataclass(frozen=True)
class Reading:
    """Attributes:
    reader: gives the bytes of each content by its path.
    rejected: what cannot be used without looking into a file.
    folds: group → its fold, where there are folds.
    """

    listing: Listing
    reader: Reader
    labels: LabelReading
    contents: Sequence[Content]
    rejected: Sequence[Rejected]
    folds: Mapping[str, int]


def read(lock: Lock, source: Reader, params: DataParams, task: TaskParams) -> Reading:
    """DataError where the table, the folders or the labels cannot be used."""
    kept = lock.assignments
    if kept is not None and kept.split != split_named(params):
        if kept.sides or kept.samples or kept.folds:
            raise DataError("data/source.lock was written for another data.split.", REFRESH)
        lock = replace(lock, assignments=None)
    listing = read_items(lock, source, params, task)
    reader = source
    if params.labels.text:
        rows = Rows(lock, source, params.labels)
        lock, reader = rows.lock, rows
    labels = classify(listing.items, params, task)
    contents, rejected = merge(listing.items, lock, labels, params)
    folds = folds_of(listing.items, lock, params)
    return Reading(listing, reader, labels, contents, rejected, folds)


def with_assignments(
    lock: Lock, source: Reader, params: DataParams, task: TaskParams, old: Lock | None
) -> Lock:
    """`lock` with the sides that small classes are dealt, or with the folds of groups; `old` is the lock before it.

    A lock without assignments is an earlier version's, which dealt nothing: a class that has samples on every side
    may have been trained on, and none of its samples moves.
    """
    known = old if old is not None and _same_data(old, lock) else None
    kept = known.assignments if known else None
    if kept is not None and kept.split != split_named(params):
        kept = known = None
    found = read(replace(lock, assignments=kept), source, params, task)
    if params.split.folds:
        folds = {**(kept.folds if kept else {}), **found.folds}
        return replace(lock, assignments=Assignments(split_named(params), (), {}, folds=folds))
    settled: set[str] = set()
    if known is not None and kept is None:
        settled = _used(known, source, params, task, found)
    made = assign(found.contents, params, kept, settled)
    if known is not None and kept is None and not made.sides and not made.samples and known == lock:
        return lock  # nothing is new: an older lock stays as it is
    return replace(lock, assignments=made)


def _used(old: Lock, source: Reader, params: DataParams, task: TaskParams, now: Reading) -> set[str]:
    """Classes with samples on every side by the older lock; of a table, whose older state is gone, by the newer."""
    given = now
    if params.layout == "folders":
        try:
            given = read(old, source, params, task)
        except DataError:  # what it holds would be refused today
            return set()
    return {name for content in given.contents for name in content.strata} - lacking(given.contents)


def _same_data(old: Lock, new: Lock) -> bool:
    seen = {entry.sha256 for entry in old.entries}
    return old.uri == new.uri or any(entry.sha256 in seen for entry in new.entries)
