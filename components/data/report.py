"""The data report: numbers that `dvc metrics diff` compares, and lists for the person who reads them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.data.contents import Rejected
from components.data.near_duplicates import Pairs
from components.data.scan import Seen
from components.data.splits import SIDES
from components.problems.labels import Reading
from components.storage.publish import Json

# Pairs grow with the square of the copies of one sample; beyond this many, nobody reads them.
LISTED = 1000


def data_report(
    seen: Sequence[Seen], labels: Reading, slices: Sequence[str], rejected: Sequence[Rejected]
) -> dict[str, Json]:
    """Counts of what stays, and of what was rejected and why."""
    contradictions = [item for item in rejected if item.kind == "contradiction"]
    return {
        "samples": len(seen),
        "targets": dict(labels.counts(item.content.label for item in seen if item.content.label)),
        "unlabelled": sum(not item.content.label for item in seen),
        "sides": {side: _side(seen, side, labels, slices) for side in SIDES},
        **{name: _summary([item.facts[name] for item in seen]) for name in (seen[0].facts if seen else ())},
        "bytes": _range([item.content.size for item in seen]),
        "domains": _counts(item.content.domain for item in seen if item.content.domain),
        "identical_copies": sum(item.content.copies - 1 for item in seen),
        "copies_on_lower_sides": sum(item.content.lower for item in seen),
        "contradictions": {
            "contents": len({item.id for item in contradictions}),
            "listed": [{"path": item.path, "id": item.id, "reason": item.reason} for item in contradictions],
        },
    }


def near_report(seen: Sequence[Seen], pairs: Pairs, gone: Mapping[int, int]) -> Json:
    """Near duplicates among `seen` (before exclusion), and who had to go because of whom."""
    contents = [item.content for item in seen]
    both = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    return {
        "proposed_pairs": pairs.proposed,
        "alike_pairs": pairs.alike,
        "pairs": len(both),
        "samples": len({row for pair in both for row in pair}),
        "straddling_pairs": sum(contents[a].side != contents[b].side for a, b in both),
        "disagreeing_labels": sum(contents[a].label != contents[b].label for a, b in both),
        "excluded": len(gone),
        "excluded_samples": [
            _exclusion(contents[row].path, contents[row].side, pair, pairs, seen, row)
            for row, pair in sorted(gone.items())
        ],
        "listed_pairs": [
            [contents[a].path, contents[b].path, _round(pairs.correlation[n]), _round(pairs.detail[n])]
            for n, (a, b) in enumerate(both[:LISTED])
        ],
    }


def _exclusion(path: str, side: str, pair: int, pairs: Pairs, seen: Sequence[Seen], row: int) -> Json:
    a, b = int(pairs.first[pair]), int(pairs.second[pair])
    other = seen[b if row == a else a].content
    return {"path": path, "side": side, "because_of": other.path, "on_side": other.side}


def _side(seen: Sequence[Seen], side: str, labels: Reading, slices: Sequence[str]) -> Json:
    contents = [item.content for item in seen if item.content.side == side]
    return {
        "samples": len(contents),
        "share": round(len(contents) / max(len(seen), 1), 6),
        "groups": len({content.group for content in contents if content.group}),
        "targets": dict(labels.counts(content.label for content in contents if content.label)),
        "slices": {
            name: _counts(content.slices[position] for content in contents)
            for position, name in enumerate(slices)
        },
    }


def _summary(values: Sequence[int | str]) -> Json:
    """The range of numbers, the counts of names."""
    numbers = [value for value in values if isinstance(value, int)]
    return _range(numbers) if len(numbers) == len(values) else _counts(map(str, values))


def _counts(values: Iterable[str]) -> Json:
    return dict(sorted(Counter(values).items()))


def _round(value: np.float32) -> float:
    return round(float(value), 4)


def _range(values: Sequence[int]) -> Json:
    return {
        "min": min(values, default=0),
        "median": float(np.median(values)) if values else 0.0,
        "max": max(values, default=0),
    }
