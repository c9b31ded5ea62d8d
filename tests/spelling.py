"""A line on arrays of bytes whose text is generated letter by letter."""

from pathlib import Path

import numpy as np
from counting import Foreign
from lines import ROOT
from safetensors.torch import save_file

PACKAGE = ROOT / "tests" / "plugins" / "spellings"
SAMPLES, PIECE, PIECES, WIDTH = 320, 4, 4, 24
LEVELS = {"a": 40, "b": 100, "c": 160}
SILENCE = 230


def samples(folder: Path) -> None:
    """One to four letters, each the level of four bytes; behind them is silence."""
    draw, rows = np.random.default_rng(9), ["path,label"]
    folder.mkdir(parents=True)
    for number in range(SAMPLES):
        text = "".join(draw.choice(list(LEVELS), draw.integers(1, PIECES + 1)))
        levels = [LEVELS[letter] for letter in text] + [SILENCE] * (PIECES - len(text))
        values = np.repeat(levels, PIECE) + draw.integers(-20, 21, PIECE * PIECES)
        (folder / f"{number}.bin").write_bytes(values.astype(np.uint8).tobytes())
        rows.append(f"{number}.bin,{text}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def weights(path: Path) -> None:
    """Of `spellings.letter_network`, as if trained elsewhere; the package need not be importable here."""
    import torch

    made = torch.Generator().manual_seed(3)
    state = {
        "units.0.linear.weight": torch.randn(WIDTH, PIECE, generator=made) / 2,
        "units.0.linear.bias": torch.randn(WIDTH, generator=made) / 2,
        "units.0.pos_embed": torch.randn(1, PIECES, WIDTH, generator=made) / 2,
    }
    for unit in (1, 2):
        state |= {
            f"units.{unit}.norm.weight": torch.ones(WIDTH),
            f"units.{unit}.norm.bias": torch.zeros(WIDTH),
            f"units.{unit}.linear.weight": torch.randn(WIDTH, WIDTH, generator=made) / 5,
            f"units.{unit}.linear.bias": torch.zeros(WIDTH),
        }
    path.parent.mkdir(parents=True)
    save_file(state, path)


SPELLINGS = Foreign(
    task={"modality": "bytes", "problem": "spelling"},
    backbone="letter_network",
    metric="exact",
    rule={"metric": "exact", "at_least": 0.6},
    model="spellings",
    sections={
        "head": {"l2": [1e3]},
        "tune": {"epochs": 24, "head_epochs": 2, "batch": 8, "learning_rate": 5e-3},
    },
)
