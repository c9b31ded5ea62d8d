"""Labels that do not fit into the manifest's cells."""

import hashlib
from pathlib import Path

from components.data.long_labels import FILE, LONG, LongLabels


def test_only_what_is_long_leaves_the_manifest_and_lies_there_once(tmp_path: Path) -> None:
    short, one, other = "x" * LONG, "é" * (LONG + 1), "y" * (LONG + 1)
    long = LongLabels([short, one, other, one, ""])
    assert len(long) == 2
    assert [long.cell(label) for label in (short, "")] == [short, ""]
    assert [long.size(label) for label in (short, one, other)] == [0, 2 * LONG + 2, LONG + 1]
    long.write(tmp_path)
    held = (tmp_path / FILE).read_bytes()
    assert len(held) == 3 * LONG + 3
    for label in (one, other):
        start = long.offset(label)
        assert held[start : start + long.size(label)].decode() == label
        assert hashlib.sha256(label.encode()).hexdigest() == long.cell(label)


def test_without_long_labels_nothing_is_written(tmp_path: Path) -> None:
    long = LongLabels(["a", "b" * LONG])
    assert not long
    long.write(tmp_path)
    assert not list(tmp_path.iterdir())
