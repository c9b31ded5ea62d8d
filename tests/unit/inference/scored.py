"""Small pictures, and a folder of them scored as the command does it."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from components.inference.inputs import Folder
from components.inference.plan import LOCK, Model, Output, make_plan
from components.inference.scoring import Scorer

MODEL = Model("cells", "3", "d" * 64, "fp32")


def picture(level: int, side: int = 4) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side + 1), (level, level, level)).save(out, "PNG")
    return out.getvalue()


def light(level: int) -> float:
    """softmax of (-z, z) at z = 0.02 · (level - 120), second class."""
    return float(1 / (1 + np.exp(-2 * 0.02 * (level - 120))))


def write_pictures(folder: Path, count: int) -> list[int]:
    """0000.png and so on, of three shapes; their brightness."""
    folder.mkdir(parents=True, exist_ok=True)
    levels = [(37 * number) % 256 for number in range(count)]
    for number, level in enumerate(levels):
        (folder / f"{number:04}.png").write_bytes(picture(level, 3 + number % 3))
    return levels


def score(
    scorer: Scorer, folder: Path, target: Path, rows: int = 5, shard: tuple[int, int] = (1, 1)
) -> Output:
    inputs = Folder(folder)
    output = Output(target, make_plan(MODEL, rows, inputs))
    wanted = [part for part in output.plan.shard(*shard) if not output.is_done(part)]
    with output.held(output.plan.shard(*shard)):
        scorer.score(inputs, output, wanted, lambda count: None)
    output.finish()
    return output


def contents(target: Path) -> dict[str, bytes]:
    """All files by path, but for the locks."""
    files = (path for path in target.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in files if path.name != LOCK}
