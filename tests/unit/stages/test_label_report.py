"""A fifth of the labels is swapped in the folders: the report's list names most of them, and no test sample."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from promoted import line_params

from components.data.dataset import Dataset
from components.errors import StorageError
from components.stages import version_data
from components.stages.label_report import label_report, write_list
from components.stages.refresh import refresh
from components.stages.table import Context
from components.tracker import NullTracker

COUNT = 200


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A workspace with features made of brightness, and the paths whose label is wrong."""
    root, draw, wrong = tmp_path_factory.mktemp("noise"), np.random.default_rng(0), set()
    for number in range(COUNT):
        level = draw.choice([70, 185]) + draw.uniform(-25, 25)
        name = "light" if level >= 128 else "dark"
        if number % 5 == 0:
            name = {"light": "dark", "dark": "light"}[name]
            wrong.add(f"{name}/{number}.png")
        folder = root / "pictures" / name
        folder.mkdir(parents=True, exist_ok=True)
        grey = draw.normal(level, 20, (20, 24)).clip(0, 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
    params, context = line_params(root / "pictures"), Context(NullTracker(), root / "cache", 1, ("cpu",))
    refresh(params, root, context.cache)
    for name in ("dataset", "features"):
        (root / name).mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)
    dataset = Dataset.open(root / "dataset")
    means = [np.mean(Image.open(io.BytesIO(dataset.read(i)))) for i in dataset.ids()]
    noise = draw.normal(size=(len(means), 6))
    np.save(root / "features" / "features.npy", np.column_stack([means, noise]).astype(np.float32))
    np.save(root / "features" / "places.npy", np.arange(len(means)))
    return root, wrong


def test_most_swapped_labels_are_listed(swapped: tuple[Path, set[str]]) -> None:
    root, wrong = swapped
    params = line_params(root / "pictures")
    found = label_report(root, params)
    dataset = Dataset.open(root / "dataset")
    sides = dict(zip(dataset.ids(), dataset.table.column("split").to_pylist(), strict=True))
    paths = dict(zip(dataset.table.column("path").to_pylist(), dataset.ids(), strict=True))
    wanted = {path for path in wrong if sides[paths[path]] != "test"}
    listed = {doubt.path for doubt in found.doubts}
    assert len(listed & wanted) >= 0.8 * len(wanted)
    assert len(listed & wanted) >= 0.8 * len(listed)
    assert all(sides[doubt.id] != "test" for doubt in found.doubts), "the test side chooses and shows nothing"
    assert found.samples == found.labelled == sum(side != "test" for side in sides.values())
    assert label_report(root, params) == found
    first = found.doubts[0]
    said = dict(zip(found.columns, first.cells, strict=True))
    assert {said["label"], said["likelier"]} == {"dark", "light"}
    assert float(said["probability of the label"]) < float(said["probability of the likelier"])


def test_the_list_for_people_holds_all_of_them(swapped: tuple[Path, set[str]], tmp_path: Path) -> None:
    found = label_report(swapped[0], line_params(swapped[0] / "pictures"))
    with write_list(tmp_path, found).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [doubt.path for doubt in found.doubts]


def test_damaged_features_are_said(swapped: tuple[Path, set[str]]) -> None:
    root, _ = swapped
    path = root / "features" / "features.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(StorageError, match="is damaged"):
        label_report(root, line_params(root / "pictures"))
    path.write_bytes(whole)
