"""Lines on images in which discs and bars lie: their masks, or boxes around them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from counting import Foreign
from lines import ROOT
from PIL import Image
from safetensors.torch import save_file

PACKAGE = ROOT / "tests" / "plugins" / "regions"
SAMPLES, SIDE = 160, 32
Pixels = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int, int]  # left, top, right, bottom, 0 of a disc or 1 of a bar
LIGHT = np.array([[90, 90, 90], [200, 90, 60], [60, 90, 200]])


def picture(draw: np.random.Generator) -> tuple[Pixels, Pixels, list[Box]]:
    """(SIDE, SIDE, 3), (SIDE, SIDE) of 0 (ground), 1 (disc) and 2 (bar), and a box for each; there may be none."""
    mask, boxes = np.zeros((SIDE, SIDE), dtype=np.uint8), []
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for corner in draw.permutation(4)[: draw.integers(0, 4)]:  # one in a quarter at most: none hides another
        kind, size = int(draw.integers(0, 2)), int(draw.integers(3, 6))
        top, left = (int(16 * at + draw.integers(0, 16 - 2 * size)) for at in divmod(int(corner), 2))
        inside = (rows >= top) & (rows < top + 2 * size) & (columns >= left) & (columns < left + 2 * size)
        if kind == 0:
            inside &= (rows + 0.5 - top - size) ** 2 + (columns + 0.5 - left - size) ** 2 < size**2
        mask[inside] = kind + 1
        boxes.append((left, top, left + 2 * size, top + 2 * size, kind))
    pixels = LIGHT[mask] + draw.integers(-40, 41, (SIDE, SIDE, 3))
    return pixels.clip(0, 255).astype(np.uint8), mask, boxes


def as_mask(mask: Pixels, boxes: list[Box]) -> str:
    """A digit for each pixel."""
    return "".join(map(str, mask.ravel()))


def as_boxes(mask: Pixels, boxes: list[Box]) -> str:
    """A list of them."""
    return json.dumps(boxes)


def samples(folder: Path, label: Callable[[Pixels, list[Box]], str]) -> None:
    """PNG files, and what is written of each."""
    draw = np.random.default_rng(11)
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        for number in range(SAMPLES):
            pixels, mask, boxes = picture(draw)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", label(mask, boxes)])


def weights(path: Path) -> None:
    """Of `regions.map_network`, as if trained elsewhere; the package need not be importable here."""
    import torch

    made, state = torch.Generator().manual_seed(3), dict[str, torch.Tensor]()
    for unit, (before, after) in enumerate(((3, 8), (8, 16), (16, 16))):
        state[f"units.{unit}.0.weight"] = torch.randn(after, before, 3, 3, generator=made) / (3 * before**0.5)
        state[f"units.{unit}.0.bias"] = torch.zeros(after)
    path.parent.mkdir(parents=True)
    save_file(state, path)


SECTIONS = {
    "augment": {"views": 2, "flips": False, "shift": 0},
    "data": {"near_duplicates": "off"},
    "tune": {"epochs": 6, "head_epochs": 1, "batch": 8, "learning_rate": 1e-2},
}
MASKS = Foreign(
    task={"modality": "image", "problem": "mask"},
    backbone="map_network",
    metric="mean_iou",
    rule={"metric": "mean_iou", "at_least": 0.6},
    model="masks",
    sections=SECTIONS,
)
BOXES = Foreign(
    task={"modality": "image", "problem": "box"},
    backbone="map_network",
    metric="box_f1",
    rule={"metric": "box_f1", "at_least": 0.3},
    model="boxes",
    sections={**SECTIONS, "tune": {**SECTIONS["tune"], "epochs": 16}},
)
