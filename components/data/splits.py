"""Which side a sample is on: a function of the sample (or its group) and the salt, and of nothing else."""

import hashlib

from components.errors import DataError
from components.params.data import Split

SIDES = ("train", "validation", "calibration", "test")
# Of a near-duplicate pair that straddles, the sample on the lower side is excluded.
RANK = {"train": 0, "validation": 1, "calibration": 2, "test": 3}


def side_of(key: str, split: Split) -> str:
    """The side of a content id or group: SHA-256(salt, key) as a number in [0, 1) against the shares.

    Adding or removing samples never moves one.
    """
    digest = hashlib.sha256(f"{split.salt}\0{key}".encode()).digest()
    drawn = int.from_bytes(digest[:7], "big") / 2**56  # 56 bits: exact as a float, and never 1
    reached = 0.0
    for side in SIDES:
        reached += getattr(split, side)
        if drawn < reached:
            return side
    return SIDES[-1]


def declared_side(value: str, path: str) -> str:
    """The side that a split column gives."""
    if value not in SIDES:
        raise DataError(f"The split column says {value!r} for {path}.", f"Allowed: {', '.join(SIDES)}.")
    return value
