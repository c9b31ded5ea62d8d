"""From a lock to contents: what the source holds, its classes, and the side of each sample. Nothing is decoded."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.data.checks import check_quarantine, noted
from components.data.columns import doubtful_columns
from components.data.contents import Content, Rejected, classify, folds_of, merge, present
from components.data.dealing import assign, lacking, split_named
from components.data.formats import ROOM, open_format
from components.data.formats.base import Files, Item, Listing
from components.data.lock import REFRESH, Assignments, Lock
from components.errors import DataError
from components.params import plugins
from components.params.data import DataParams
from components.params.task import TaskParams
from components.problems import reading
from components.problems.labels import Reading as LabelReading
from components.sources.base import Entry


@dataclass(frozen=True)
class Reading:
    """Attributes:
    items: all samples that the source claims to have, sorted by path; equal ones are one.
    ignored: paths of the files that are neither samples nor annotations.
    notes: what a user should know about how they were read.
    files: give the bytes of each content by its path.
    rejected: what cannot be used without looking into a file.
    folds: group → its fold, where there are folds.
    """

    items: Sequence[Item]
    ignored: Sequence[str]
    notes: Sequence[str]
    files: Files
    labels: LabelReading
    contents: Sequence[Content]
    rejected: Sequence[Rejected]
    folds: Mapping[str, int]


def read(lock: Lock, source: Files, params: DataParams, task: TaskParams) -> Reading:
    """DataError where the table, the folders or the labels cannot be used, or too few of the samples."""
    kept = lock.assignments
    if kept is not None and kept.split != split_named(params):
        if kept.sides or kept.samples or kept.folds:
            raise DataError("data/source.lock was written for another data.split.", REFRESH)
        lock = replace(lock, assignments=None)
    listing = open_format(params, task.kind).read([entry.path for entry in lock.entries], source)
    items = items_of(listing, task)
    if not items:
        raise DataError(f"{lock.uri} holds no samples for data.layout {params.layout}.")
    known = {*listing.annotations, *(item.path for item in items)}
    ignored = [entry.path for entry in lock.entries if entry.path not in known]
    files, entries = source, lock.entries
    if listing.payloads is not None:
        files = Inline(listing.payloads)
        entries = files.entries
    notes = notes_of(listing, params, task)
    there = replace(lock, entries=entries)
    with noted(notes):
        usable, rejected = present(items, entries, params)
        check_quarantine(rejected, len(items), params.limits)
        labels = classify(items, params, task)
        contents, contradictions = merge(usable, there, labels, params)
        rejected += contradictions
        check_quarantine(rejected, len(items), params.limits)
        folds = folds_of(usable, there, params)
    return Reading(items, ignored, notes, files, labels, contents, rejected, folds)


class Inline:
    """Samples that lie in the files of labels, as if each were a file."""

    def __init__(self, payloads: Mapping[str, bytes]) -> None:
        self._payloads = payloads

    @property
    def entries(self) -> tuple[Entry, ...]:
        digests = ((name, data, hashlib.sha256(data)) for name, data in self._payloads.items())
        return tuple(sorted(Entry(name, len(data), made.hexdigest()) for name, data, made in digests))

    def read(self, path: str) -> bytes:
        return self._payloads[path]


def items_of(listing: Listing, task: TaskParams) -> list[Item]:
    """In the order of paths. What has no label says what an empty cell says to the problem."""
    empty = reading(task).empty(task)
    items = {item if item.label else replace(item, label=empty) for item in listing.items}
    return sorted(items, key=lambda item: (item.path, item.label, item.group, item.side))


def notes_of(listing: Listing, params: DataParams, task: TaskParams) -> list[str]:
    """The listing's own, and what in the columns is probably not meant."""
    notes, labels = list(listing.notes), params.labels
    if not plugins.offers(ROOM, params.layout, "columns"):
        return notes
    if isinstance(labels.label, str):
        notes += reading(task).doubtful(labels, task, (item.label for item in listing.items))
    return notes + doubtful_columns(listing.items, labels)


def with_assignments(
    lock: Lock, source: Files, params: DataParams, task: TaskParams, old: Lock | None
) -> tuple[Lock, int, Sequence[str]]:
    """`lock` with the sides that small classes are dealt, or with the folds of groups; `old` is the lock before it.

    And how many samples then lie off the test side, and the notes of the reading.

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
        made = Assignments(split_named(params), (), {}, folds=folds)
        return replace(lock, assignments=made), _off_test(found.contents, made), found.notes
    settled: set[str] = set()
    if known is not None and kept is None:
        settled = _used(known, source, params, task, found)
    made = assign(found.contents, params, kept, settled)
    count = _off_test(found.contents, made)
    if known is not None and kept is None and not made.sides and not made.samples and known == lock:
        return lock, count, found.notes  # nothing is new: an older lock stays as it is
    return replace(lock, assignments=made), count, found.notes


def _off_test(contents: Sequence[Content], made: Assignments) -> int:
    sides = (made.samples.get(one.short_id) or made.sides.get(one.key) or one.side for one in contents)
    return sum(side != "test" for side in sides)


def _used(old: Lock, source: Files, params: DataParams, task: TaskParams, now: Reading) -> set[str]:
    """Classes with samples on every side by the older lock; of labels in a file, whose older state is gone, by the
    newer."""
    given = now
    if open_format(params, task.kind).by_path:
        try:
            given = read(old, source, params, task)
        except DataError:  # what it holds would be refused today
            return set()
    return {name for content in given.contents for name in content.strata} - lacking(given.contents)


def _same_data(old: Lock, new: Lock) -> bool:
    seen = {entry.sha256 for entry in old.entries}
    return old.uri == new.uri or any(entry.sha256 in seen for entry in new.entries)
