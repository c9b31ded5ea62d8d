"""From a locked source to a dataset folder: the same input gives the same bytes, whatever was before."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.data.checks import check_quarantine, noted
from components.data.contents import Content, Rejected
from components.data.foreign import by_ending
from components.data.lock import Lock, LockedSource
from components.data.long_labels import LongLabels
from components.data.manifest import FORMAT, make_table, table_digest, write_table
from components.data.near_duplicates import find_pairs, losers
from components.data.reading import read
from components.data.report import data_report, near_report
from components.data.scan import Inspect, Scan, Seen, scan
from components.data.shards import compact
from components.data.splits import drawn
from components.data.summary import near_remedies, side_remedies, summary, warnings
from components.errors import DataError
from components.params.data import DataParams, Split
from components.params.task import TaskParams
from components.problems.base import Description
from components.problems.labels import Labelled, Remedies
from components.storage.publish import Json, write_json


@dataclass(frozen=True)
class Samples:
    """What the task says of its samples; `inspect` decodes one fully."""

    task: TaskParams
    inspect: Inspect


@dataclass(frozen=True)
class Built:
    """What came out, in numbers, and the notes of the report: a summary first, then warnings."""

    samples: int
    quarantined: int
    excluded: int
    digest: str
    notes: Sequence[str]


def build_dataset(
    lock: Lock, source: LockedSource, samples: Samples, params: DataParams, folder: Path, threads: int
) -> Built:
    """Write manifest.parquet, shards/, dataset.json, report.json, quarantine.json, and of long labels labels.bin, into
    `folder`.

    Raises DataError (unusable data, with all reasons), DigestMismatch (the source is not what was locked).
    """
    given = read(lock, source, params, samples.task)
    labels, total = given.labels, len(given.items)
    remedies = Remedies(side_remedies(given.contents, lock, params))
    with noted(given.notes):
        labels.check(_labelled(given.contents), params.limits, remedies)

    found = scan(given.contents, given.files, samples.inspect, folder / "shards", threads)
    rejected = sorted([*given.rejected, *found.rejected], key=lambda item: (item.path, item.kind))
    with noted(given.notes):
        check_quarantine(rejected, total, params.limits)
    kept, near = _without_straddlers(found, params, folder)
    excluded = len(found.seen) - len(kept)
    copies = near_remedies(excluded, len(found.seen))
    with noted(given.notes):
        labels.check(_labelled(i.content for i in kept), params.limits, replace(remedies, of_copies=copies))
    if params.split.labelled_per_class:
        kept = with_few_labels(kept, params.split)

    long = LongLabels(item.content.label for item in kept)
    table = make_table(kept, params.labels.slices, long)
    labelled = _labelled(item.content for item in kept)
    description = labels.describe(labelled)
    digest = table_digest(table, description)
    write_table(folder / "manifest.parquet", table)
    long.write(folder)
    report = data_report(kept, labels, params.labels.slices, rejected)
    report["near_duplicates"] = near
    report["ignored_files"] = len(given.ignored)
    report["ignored"] = dict(by_ending(given.ignored))
    report["quarantine"] = _quarantine_counts(rejected, total)
    told = [*labels.warnings(labelled), *warnings(kept, samples.task)]
    counted = labels.summary(labels.counts(sample.label for sample in labelled))
    notes = [summary(report, counted), *given.notes, *told, *copies]
    report["notes"] = list(notes)
    write_json(folder / "report.json", report)
    write_json(folder / "quarantine.json", {"quarantined": [_rejection(item) for item in rejected]})
    write_json(folder / "dataset.json", _description(lock, description, report, digest))
    return Built(len(kept), len(rejected), excluded, digest, notes)


def _without_straddlers(found: Scan, params: DataParams, folder: Path) -> tuple[list[Seen], Json]:
    pairs = find_pairs(found.fingerprints, found.thumbnails, params.near_duplicates, folder)
    gone = losers(pairs, [item.content.side for item in found.seen])
    sizes = {item.content.id: item.content.size for item in found.seen}
    compact(folder / "shards", sizes, [found.seen[row].content.id for row in gone])
    kept = [item for row, item in enumerate(found.seen) if row not in gone]
    return kept, near_report(found.seen, pairs, gone)


def with_few_labels(seen: Sequence[Seen], split: Split) -> list[Seen]:
    """The same samples; those that train lose their label unless they are among the first `labelled_per_class` of a
    class (or of any of their labels; those with none of the labels are counted by themselves) and domain.

    Which are the first is drawn by content and salt: more labels add to the fewer. DataError where targets are of no
    class or label.
    """
    ranked = sorted(seen, key=lambda item: drawn(f"label\0{item.content.id}", split))
    learned = [item.content for item in ranked if item.content.side == "train" and item.content.label]
    if not any(content.strata for content in learned):
        raise DataError(
            f"data.split.labelled_per_class is {split.labelled_per_class}, but these targets are of no class or label "
            "by which samples could be counted.",
            "Leave it out.",
        )
    count: Counter[tuple[str, str]] = Counter()
    stripped: set[str] = set()
    for content in learned:
        places = [(name, content.domain) for name in content.strata or ("",)]
        if all(count[place] >= (split.labelled_per_class or 0) for place in places):
            stripped.add(content.id)
        count.update(places)
    return [
        replace(item, content=replace(item.content, label="", strata=()))
        if item.content.id in stripped
        else item
        for item in seen
    ]


def _quarantine_counts(rejected: Sequence[Rejected], total: int) -> Json:
    kinds = sorted({item.kind for item in rejected})
    return {
        "samples": len(rejected),
        "share": round(len(rejected) / total, 6),
        "kinds": {kind: sum(item.kind == kind for item in rejected) for kind in kinds},
    }


def _rejection(item: Rejected) -> Json:
    return {"path": item.path, "id": item.id, "kind": item.kind, "reason": item.reason}


def _labelled(contents: Iterable[Content]) -> list[Labelled]:
    return [Labelled(content.label, content.side) for content in contents if content.label]


def _description(lock: Lock, target: Description, report: dict[str, Json], digest: str) -> Json:
    return {
        "format": FORMAT,
        "target": dict(target),
        "counts": {"samples": report["samples"], "targets": report["targets"]},
        "digest": digest,
        "licence": lock.licence,
        "source": {"uri": lock.uri, "revision": lock.revision},
    }
