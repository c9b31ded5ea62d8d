"""A tiny line of pictures whose brightness is the target: no download, a backbone of random weights."""

import csv
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image
from published import publish

from components.params import Params
from components.sources import open_source
from components.stages.refresh import refresh
from components.stages.table import STAGES, Context
from components.tracker import NullTracker

FILES = ("model.safetensors", "config.json", "preprocessor_config.json")


def write_pictures(folder: Path, count: int, seed: int = 0) -> None:
    """Noise of 40×40 grey pixels around a level; `table.csv` says the level as `bright`, 0 to 100, and `dark`."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "bright", "dark", "kind"])
        for number in range(count):
            level = draw.uniform(20, 235)
            grey = draw.normal(level, 10, (40, 40)).clip(0, 255).astype(np.uint8)
            Image.fromarray(grey).save(folder / f"{number:03}.png")
            said = level / 2.55 + draw.normal(0, 1)
            row = [
                f"{number:03}.png",
                repr(round(said, 3)),
                repr(round(1000 - 10 * said, 3)),
                "ab"[number % 2],
            ]
            writer.writerow(row)


def values(source: Path) -> dict[str, object]:
    """params.yaml, as Python has it."""
    return {
        "seed": 5,
        "data": {
            "source": f"file:{source}",
            "licence": "none",
            "layout": "labels",
            "labels": {"file": "table.csv", "label": "bright", "slices": ["kind"]},
            "split": {"train": 0.4, "validation": 0.15, "calibration": 0.15, "test": 0.3},
            "near_duplicates": "off",
        },
        "task": {"problem": "regression", "unit": "%", "input_size": 32},
        "augment": {"views": 1},
        "features": {"batch": 8},
        "head": {"method": "linear", "l2": [1e-3, 1e-1]},
        "tune": {"blocks": 1, "epochs": 2, "head_epochs": 1, "batch": 16},
        "controls": {"scratch": {"epochs": 1}},
        "export": {"parity": {"samples": 20, "batches": [1, 7]}, "calibration_samples": 16},
        "gate": {
            "rules": [
                {"metric": "mae", "at_most": 25, "by": "estimate"},
                {"metric": "coverage", "at_least": 0.5},
            ],
            "better_than_controls": {"metric": "spearman"},
        },
    }


def make(root: Path, changes: Mapping[str, Mapping[str, object]], count: int = 200) -> Params:
    """Run the stages in `root`, with sections of params that `changes` updates."""
    write_pictures(root / "pictures", count)
    said = {**values(root / "pictures"), "backbone": _published(root / "theirs")}
    for section, more in changes.items():
        said[section] = {**dict(said[section]), **more}  # type: ignore[call-overload]
    params = Params.model_validate(said)
    context = Context(NullTracker(), root / ".graftline", 1, ("cpu",))
    refresh(params, root, context.cache)
    for row in STAGES:
        outputs = {name: root / name for name in row.outputs}
        for path in outputs.values():
            if not path.suffix:
                path.mkdir()
        inputs = {name: root / name for name in row.inputs}
        import_module(f"components.stages.{row.name}").run(inputs, outputs, params, context)
    return params


def _published(folder: Path) -> dict[str, object]:
    """Section `backbone` with a ResNet of a few thousand weights."""
    publish("transformers/resnet", folder)
    sha256 = open_source(f"file:{folder}", None, folder, FILES).revision
    return {"name": "transformers/resnet", "uri": f"file:{folder}", "sha256": sha256, "licence": "none"}
