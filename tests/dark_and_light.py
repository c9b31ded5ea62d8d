"""Pictures that are drawn on the spot: two classes in a folder each, told apart by their light."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: Path, count: int, levels: tuple[int, int] = (60, 180), seed: int = 0) -> None:
    """`dark/` and `light/` in turn: noise of 40×48 grey pixels around two levels."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        name, level = ("dark", "light")[number % 2], levels[number % 2]
        grey = draw.normal(level, 30, (40, 48)).clip(0, 255).astype(np.uint8)
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(folder / name / f"{seed * 1000 + number}.png")
