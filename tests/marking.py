"""A line on series of bytes in which positions are marked: cut into windows, with targets of different lengths."""

import sys
from pathlib import Path

import numpy as np
from counting import Foreign, accepted
from lines import ROOT, Workspace
from safetensors.torch import save_file

PACKAGE = ROOT / "tests" / "plugins" / "marks"
SAMPLES, LENGTH, WIDTH = 200, 32, 48


def samples(folder: Path) -> None:
    """Files of 5 to 90 bytes around 100; those of 180 and more are marked, none of them in some."""
    draw, rows = np.random.default_rng(7), ["path,label"]
    folder.mkdir(parents=True)
    for number in range(SAMPLES):
        values = draw.integers(70, 131, draw.integers(5, 91))
        marks = np.flatnonzero(draw.random(len(values)) < 0.08)
        values[marks] = draw.integers(180, 256, len(marks))
        (folder / f"{number}.bin").write_bytes(values.astype(np.uint8).tobytes())
        rows.append(f"{number}.bin,{' '.join(map(str, marks)) or 'none'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def weights(path: Path) -> None:
    """Of `marks.series_network`, as if trained elsewhere; the package need not be importable here."""
    import torch

    made = torch.Generator().manual_seed(3)
    state = {
        "units.0.weight": torch.randn(WIDTH, LENGTH, generator=made) / 6,
        "units.0.bias": torch.zeros(WIDTH),
    }
    for unit in (1, 2):
        state |= {
            f"units.{unit}.norm.weight": torch.ones(WIDTH),
            f"units.{unit}.norm.bias": torch.zeros(WIDTH),
            f"units.{unit}.linear.weight": torch.randn(WIDTH, WIDTH, generator=made) / 50,
            f"units.{unit}.linear.bias": torch.zeros(WIDTH),
        }
    path.parent.mkdir(parents=True)
    save_file(state, path)


MARKS = Foreign(
    task={"modality": "series", "problem": "mark", "length": LENGTH, "stride": 16},
    backbone="series_network",
    metric="position_f1",
    rule={"metric": "position_f1", "at_least": 0.8},
    model="marks",
)


def marking(place: Path) -> Workspace:
    """A line on the marks package, with its samples."""
    samples(place / "measured")
    return MARKS.clone(place, weights, PACKAGE)


if __name__ == "__main__":
    made = marking(Path(sys.argv[1]))
    accepted(made)
    sys.stdout.write(f"cd {made.folder}; export PYTHONPATH={made.environment['PYTHONPATH']}\n")
