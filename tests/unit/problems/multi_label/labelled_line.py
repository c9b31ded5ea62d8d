"""Small pictures with two labels, and every stage of the line on them, with a backbone of random weights."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from published import publish

from components.params import Params
from components.sources import open_source
from components.stages import (
    adapt_checkpoint,
    evaluate,
    export_onnx,
    extract_features,
    fetch_checkpoint,
    fine_tune,
    gate,
    select,
    train_controls,
    train_head,
    train_source,
    version_data,
)
from components.stages.refresh import refresh
from components.stages.table import STAGES, Context
from components.tracker import NullTracker

PICTURES, SIZE = 156, 32  # at least 30 of them for the test: a difference of macro F1 wants as many
FILES = ("model.safetensors", "config.json", "preprocessor_config.json")
RUNS = (
    version_data,
    fetch_checkpoint,
    adapt_checkpoint,
    extract_features,
    train_head,
    train_source,
    fine_tune,
    train_controls,
    select,
    export_onnx,
    evaluate,
    gate,
)


def write_pictures(folder: Path, count: int = PICTURES) -> None:
    """Noise around a level and, for the label `striped`, stripes; `light` above the middle. Some have neither."""
    draw = np.random.default_rng(0)
    folder.mkdir(parents=True)
    rows = []
    for number in range(count):
        light, striped = number % 2 == 1, number % 3 == 1
        grey = draw.normal(180 if light else 60, 25, (40, 48))
        if striped:
            grey[::4] += 60 if not light else -60
        Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        labels = [name for name, has in (("light", light), ("striped", striped)) if has]
        rows.append((f"{number}.png", "|".join(labels), "ab"[number % 5 == 0]))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "camera"), *rows])


def published(folder: Path) -> dict[str, object]:
    """Section `backbone` with a ResNet of a few thousand weights."""
    publish("transformers/resnet", folder)
    sha256 = open_source(f"file:{folder}", None, folder, FILES).revision
    return {"name": "transformers/resnet", "uri": f"file:{folder}", "sha256": sha256, "licence": "none"}


def params_of(source: Path, **task: object) -> Params:
    return Params.model_validate(
        {
            "seed": 5,
            "data": {
                "source": f"file:{source}",
                "licence": "none",
                "layout": "labels",
                "labels": {"slices": ["camera"]},
                "limits": {"min_per_class": 4},
                "near_duplicates": "off",
            },
            "task": {"modality": "image", "problem": "multi_label", "input_size": SIZE, "none": "", **task},
            "augment": {"views": 2},
            "backbone": published(source.parent / "theirs"),
            "features": {"batch": 8},
            "head": {"method": "logistic", "l2": [1e-2]},
            "tune": {"blocks": 1, "epochs": 1, "head_epochs": 0, "batch": 16},
            "controls": {"scratch": {"epochs": 1}},
            "select": {"threshold": {"rule": "best_f1"}},
            "export": {"parity": {"samples": 20, "batches": [1, 7]}, "calibration_samples": 8},
            "gate": {"rules": [{"metric": "macro_f1", "at_least": 0.1}]},
        }
    )


def run_line(root: Path, params: Params) -> Context:
    """All stages in order, as the table has them."""
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    refresh(params, root, context.cache)
    rows = {row.name: row for row in STAGES}
    for stage in RUNS:
        row = rows[stage.__name__.rpartition(".")[2]]
        for name in row.outputs:
            if "." not in name:
                (root / name).mkdir()
        stage.run({n: root / n for n in row.inputs}, {n: root / n for n in row.outputs}, params, context)
    return context
