"""Samples without a label: quarantined, or kept for methods that need none."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import Build, png, write

from components.data.build import with_few_labels
from components.data.contents import Content
from components.data.dataset import Dataset
from components.data.scan import Seen
from components.errors import DataError
from components.params.data import Split

LABELS = {"file": "t.csv", "path": "path", "label": "label"}
SHARES = {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2}
FILES = {f"{i:03}.png": png(i) for i in range(48)}


def _labels(missing: str) -> dict[str, bytes]:
    said = [missing if i >= 40 else "ab"[i % 2] for i in range(48)]
    rows = [f"{path},{label}" for path, label in zip(FILES, said, strict=True)]
    return {"t.csv": "\n".join(["path,label", *rows]).encode()}


@pytest.mark.parametrize(("missing", "declared"), [("", ""), ("unknown", "unknown")])
def test_they_are_kept_where_params_say_how_they_are_written(
    tmp_path: Path, build: Build, missing: str, declared: str
) -> None:
    source = write(tmp_path / "src", FILES | _labels(missing))
    labels = {**LABELS, "unlabelled": declared}
    built = build(source, tmp_path / "out", layout="labels", labels=labels)
    assert (built.samples, built.quarantined) == (48, 0)
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.description["classes"] == ["a", "b"]
    bare = [label for label in dataset.table.column("label").to_pylist() if not label]
    assert len(bare) == (dataset.targets() == -1).sum() == 8


def test_they_are_quarantined_where_params_say_nothing(tmp_path: Path, build: Build) -> None:
    source = write(tmp_path / "src", FILES | _labels(""))
    limits = {"quarantine_share": 0.2, "min_per_class": 1}
    built = build(source, tmp_path / "out", layout="labels", labels=LABELS, limits=limits)
    assert (built.samples, built.quarantined) == (40, 8)


def test_a_value_that_is_no_class_is_still_refused(tmp_path: Path, build: Build) -> None:
    source = write(tmp_path / "src", FILES | _labels("unknwon"))
    labels = {**LABELS, "unlabelled": "unknown", "classes": {"a": "a", "b": "b"}}
    with pytest.raises(DataError, match="unknwon"):
        build(source, tmp_path / "out", layout="labels", labels=labels)


def test_a_copy_without_a_label_contradicts_nothing(tmp_path: Path, build: Build) -> None:
    copies = {"copy.png": png(0)}
    table = _labels("")["t.csv"] + b"\ncopy.png,"
    source = write(tmp_path / "src", FILES | copies | {"t.csv": table})
    build(source, tmp_path / "out", layout="labels", labels={**LABELS, "unlabelled": ""})
    dataset = Dataset.open(tmp_path / "out")
    assert len(dataset) == 48
    assert (dataset.targets() == -1).sum() == 8


def test_few_labels_a_class_are_kept_on_the_training_side_and_more_add_to_fewer(
    tmp_path: Path, build: Build
) -> None:
    source = write(tmp_path / "src", FILES | _labels("a"))
    kept = []
    for number in (2, 4):
        out = tmp_path / str(number)
        split = {"salt": "x", "labelled_per_class": number, **SHARES}
        build(source, out, layout="labels", labels=LABELS, split=split)
        dataset = Dataset.open(out)
        targets = dataset.targets("train")
        assert [(targets == target).sum() for target in (0, 1)] == [number, number]
        assert all((dataset.targets(side) >= 0).all() for side in ("validation", "calibration", "test"))
        kept.append({i for i, target in zip(dataset.ids("train"), targets, strict=True) if target >= 0})
    assert kept[0] < kept[1]


def _seen(held: Sequence[tuple[str, ...]]) -> list[Seen]:
    """Training samples, each with its labels."""
    ids = [f"{number:064x}" for number in range(len(held))]
    return [
        Seen(Content(i, i, 1, json.dumps(names), names, "", "", "train", (), 1), {})
        for i, names in zip(ids, held, strict=True)
    ]


def test_of_several_labels_each_keeps_so_many_and_more_add_to_fewer() -> None:
    draw = np.random.default_rng(0)
    shares = {"often": 0.6, "seldom": 0.1, "rare": 0.02}
    held = [tuple(name for name, share in shares.items() if draw.random() < share) for _ in range(300)]
    seen, kept = _seen(held), []
    for number in (1, 5, 20):
        found = with_few_labels(seen, Split(labelled_per_class=number))
        labels = [json.loads(item.content.label) for item in found if item.content.label]
        for name in shares:
            there = sum(name in names for names in held)
            assert sum(name in names for names in labels) >= min(number, there)
        assert sum(not names for names in labels) == number
        assert len(labels) <= number * (len(shares) + 1)
        kept.append({item.content.id for item in found if item.content.label})
    assert kept[0] < kept[1] < kept[2]


def test_targets_of_no_class_are_not_counted_by_class() -> None:
    numbers = [replace(item, content=replace(item.content, label="[0.5]")) for item in _seen([()] * 9)]
    with pytest.raises(
        DataError, match="labelled_per_class is 5, but these targets are of no class or label"
    ):
        with_few_labels(numbers, Split(labelled_per_class=5))
