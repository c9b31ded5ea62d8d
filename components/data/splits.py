"""Which side a sample is on: a function of the sample (or its group) and the salt, and of nothing else.

Few groups cannot be split so: all could fall on one side. They are dealt to folds instead.
"""

import hashlib
from collections.abc import Iterable

from components.errors import DataError
from components.params.data import Split

SIDES = ("train", "validation", "calibration", "test")
# Of a near-duplicate pair that straddles, the sample on the lower side is excluded.
RANK = {"train": 0, "validation": 1, "calibration": 2, "test": 3}


def side_of(key: str, split: Split) -> str:
    """The side of a content id or group: SHA-256(salt, key) as a number in [0, 1) against the shares.

    Adding or removing samples never moves one.
    """
    place = drawn(key, split)
    reached = 0.0
    for side in SIDES:
        reached += getattr(split, side)
        if place < reached:
            return side
    return SIDES[-1]


def deal(keys: Iterable[str], split: Split, folds: int) -> dict[str, int]:
    """Group → its fold: groups in an order that the salt shuffles, dealt in turn, so that no fold is empty.

    Unlike `side_of`, a new group may move others: with few groups there is no way around that.
    """
    ordered = sorted(set(keys), key=lambda key: (drawn(key, split), key))
    if len(ordered) < folds:
        raise DataError(
            f"data.split.folds is {folds}, but there are {len(ordered)} groups.",
            "Lower it to as many groups as there are, or less.",
        )
    return {key: number % folds for number, key in enumerate(ordered)}


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
    """The side that a split column gives."""
    if value not in SIDES:
        raise DataError(f"The split column says {value!r} for {path}.", f"Allowed: {', '.join(SIDES)}.")
    return value
