"""From a locked source to a dataset folder: the same input gives the same bytes, whatever was before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.data.checks import check_classes, check_positive, check_quarantine
from components.data.contents import UNLABELLED, Rejected, classify, merge
from components.data.layouts import Reader, Rows, ignored, read_items
from components.data.lock import Lock, LockedSource
from components.data.manifest import make_table, table_digest, write_table
from components.data.near_duplicates import find_pairs, losers
from components.data.report import data_report, near_report
from components.data.scan import Inspect, Scan, Seen, scan
from components.data.shards import compact
from components.data.splits import drawn
from components.params.data import DataParams, Split
from components.storage.publish import Json, write_json


@dataclass(frozen=True)
class Built:
    """What came out, in numbers."""

    samples: int
    quarantined: int
    excluded: int
    digest: str


def build_dataset(
    lock: Lock,
    source: LockedSource,
    inspect: Inspect,
    params: DataParams,
    folder: Path,
    threads: int,
    positive: str | None = None,
) -> Built:
    """Write manifest.parquet, shards/, dataset.json, report.json and quarantine.json into `folder`.

    Raises DataError (unusable data, with all reasons), DigestMismatch (the source is not what was locked).
    """
    items = read_items(lock, source, params)
    held: Reader = source
    if params.labels.text:
        rows = Rows(lock, source, params.labels)
        lock, held = rows.lock, rows
    classes = classify(items, params)
    check_positive(positive, classes.names)
    contents, rejected = merge(items, lock, classes, params)
    check_quarantine(rejected, len(items), params.limits)
    check_classes(contents, classes.names, params.limits)

    found = scan(contents, held, inspect, folder / "shards", threads)
    rejected = sorted([*rejected, *found.rejected], key=lambda item: (item.path, item.kind))
    check_quarantine(rejected, len(items), params.limits)
    kept, near = _without_straddlers(found, params, folder)
    check_classes([item.content for item in kept], classes.names, params.limits)
    if params.split.labelled_per_class:
        kept = with_few_labels(kept, params.split)

    table = make_table(kept, params.labels.slices)
    digest = table_digest(table, classes.names)
    write_table(folder / "manifest.parquet", table)
    labels_file = None if params.layout == "folders" else params.labels.file
    report = data_report(kept, classes.names, params.labels.slices, rejected)
    report["near_duplicates"] = near
    report["ignored_files"] = ignored(lock, items, labels_file)
    report["quarantine"] = _quarantine_counts(rejected, len(items))
    write_json(folder / "report.json", report)
    write_json(folder / "quarantine.json", {"quarantined": [_rejection(item) for item in rejected]})
    write_json(folder / "dataset.json", _description(lock, classes.names, report, digest))
    excluded = len(found.seen) - len(kept)
    return Built(len(kept), len(rejected), excluded, digest)


def _without_straddlers(found: Scan, params: DataParams, folder: Path) -> tuple[list[Seen], Json]:
    pairs = find_pairs(found.fingerprints, found.thumbnails, params.near_duplicates, folder)
    gone = losers(pairs, [item.content.side for item in found.seen])
    sizes = {item.content.id: item.content.size for item in found.seen}
    compact(folder / "shards", sizes, [found.seen[row].content.id for row in gone])
    kept = [item for row, item in enumerate(found.seen) if row not in gone]
    return kept, near_report(found.seen, pairs, gone)


def with_few_labels(seen: Sequence[Seen], split: Split) -> list[Seen]:
    """The same samples; beyond `labelled_per_class` of a class and domain, those that train lose their label.

    Which keep it is drawn by content and salt: more labels add to the fewer.
    """
    ranked = sorted(seen, key=lambda item: drawn(f"label\0{item.content.id}", split))
    count: Counter[tuple[str, str]] = Counter()
    stripped: set[str] = set()
    for content in (item.content for item in ranked if item.content.side == "train" and item.content.label):
        count[content.label, content.domain] += 1
        if count[content.label, content.domain] > (split.labelled_per_class or 0):
            stripped.add(content.id)
    return [
        replace(item, content=replace(item.content, label="", target=UNLABELLED))
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


def _description(lock: Lock, classes: Sequence[str], report: dict[str, Json], digest: str) -> Json:
    return {
        "classes": list(classes),
        "counts": {"samples": report["samples"], "classes": report["classes"]},
        "digest": digest,
        "licence": lock.licence,
        "source": {"uri": lock.uri, "revision": lock.revision},
    }
