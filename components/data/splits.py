"""Which side a sample is on: a function of the sample (or its group) and the salt, and of nothing else.

Where the data declare sides, the hash gives only the sides that they leave out, each within one declared side.
Few groups cannot be split so: all could fall on one side. They are dealt to folds instead. Small classes are topped
up once (components/data/dealing.py).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set

from components.errors import DataError
from components.params.data import SPLITS, Split

SIDES = SPLITS
# Of a near-duplicate pair that straddles, the sample on the lower side is excluded.
RANK = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
# How people call them, in columns and as folders.
NAMES: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
}


def side_of(key: str, split: Split, among: Sequence[str] = SIDES) -> str:
    """The side of a content id or group: SHA-256(salt, key) as a number in [0, 1) against the shares.

    Adding or removing samples never moves one.

    Args:
        among: the sides that are possible, in the order of SIDES; their shares count in proportion.
    """
    place = drawn(key, split)
    if len(among) < len(SIDES):
        place *= sum(share(split, side) for side in among)
    reached = 0.0
    for side in among:
        reached += share(split, side)
        if place < reached:
            return side
    return among[-1]


def share(split: Split, side: str) -> float:
    return float(getattr(split, side))


def pools(declared: Set[str]) -> Mapping[str, Sequence[str]]:
    """Declared side → the sides that its samples may be on.

    Calibration comes out of a declared validation side; every other side that is not declared out of train.
    """
    left = [side for side in SIDES if side not in declared]
    of_validation = ["calibration"] if "validation" in declared and "calibration" in left else []
    of_train = [side for side in left if side not in of_validation]
    extra = {"train": of_train, "validation": of_validation}
    return {side: (side, *(s for s in extra.get(side, []) if s != side)) for side in declared}


def deal(
    keys: Iterable[str], split: Split, folds: int, kept: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Group → its fold: groups in an order that the salt shuffles, each to the fold that has fewest of them by then.

    Args:
        kept: folds that groups were given earlier, where they stay (data/source.lock).

    Raises DataError for fewer groups than folds, and where no group of a fold is left.
    """
    ordered = sorted(set(keys), key=lambda key: (drawn(key, split), key))
    if len(ordered) < folds:
        raise DataError(
            f"data.split.folds is {folds}, but there are {len(ordered)} groups.",
            "Lower it to as many groups as there are, or less.",
        )
    present = set(ordered)
    dealt = {key: fold for key, fold in (kept or {}).items() if fold < folds and key in present}
    sizes = [list(dealt.values()).count(fold) for fold in range(folds)]
    for key in ordered:
        if key not in dealt:
            dealt[key] = sizes.index(min(sizes))
            sizes[dealt[key]] += 1
    if 0 in sizes:
        raise DataError(
            f"All groups of fold {sizes.index(0)} are gone.",
            "Another data.split.salt deals all groups again.",
        )
    return dealt


def side_in_fold(fold: int, sample: str, split: Split, folds: int) -> str:
    """Fold `data.split.fold` tests, the next one validates and calibrates (by content id), the others train."""
    if fold == split.fold:
        return "test"
    if fold != (split.fold + 1) % folds:
        return "train"
    share = split.calibration / (split.validation + split.calibration)
    return "calibration" if drawn(sample, split) < share else "validation"


def drawn(key: str, split: Split) -> float:
    """A number in [0, 1)."""
    digest = hashlib.sha256(f"{split.salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56  # 56 bits: exact as a float, and never 1


def declared_side(value: str, path: str) -> str:
    """The side that a split column, or a folder, names."""
    side = NAMES.get(value.lower())
    if side is None:
        raise DataError(f"The split column says {value!r} for {path}.", f"Allowed: {', '.join(NAMES)}.")
    return side
