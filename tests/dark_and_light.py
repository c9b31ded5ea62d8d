"""Pictures that are drawn on the spot: two classes in a folder each, told apart by their light."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: Path, count: int) -> None:
    """`dark/` and `light/` in turn: noise of 40×48 grey pixels around 60 and around 180."""
    draw = np.random.default_rng(0)
    for number in range(count):
        name, level = (("dark", 60), ("light", 180))[number % 2]
        grey = draw.normal(level, 30, (40, 48)).clip(0, 255).astype(np.uint8)
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(folder / name / f"{number}.png")
