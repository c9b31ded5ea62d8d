"""A line on series of bytes in which positions are marked: cut into windows, with targets of different lengths."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import yaml
from counting import accepted, install
from lines import ROOT, Workspace, clone
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
    """Of `marks.series_network`, as somebody may have trained them; the package need not be importable here."""
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


def params(line: Path, checkpoint: Path) -> None:
    """params.yaml of the repository, for marks in series."""
    values = yaml.safe_load((line / "params.yaml").read_text())
    values["data"] = {
        "source": "file:../measured",
        "licence": "CC0",
        "layout": "manifest",
        "labels": {"file": "manifest.csv"},
        "split": {"train": 0.4, "validation": 0.15, "calibration": 0.1, "test": 0.35},
    }
    values["task"] = {"modality": "series", "problem": "mark", "length": LENGTH, "stride": 16}
    values["augment"] = {"views": 2}
    values["backbone"] = {
        "name": "series_network",
        "uri": f"file:../{checkpoint.parent.name}/{checkpoint.name}",
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "licence": "CC0",
    }
    values["head"] = {"method": "linear", "l2": [1e-3, 1e-1]}
    values["tune"] |= {"epochs": 4, "blocks": 1, "best_by": "position_f1"}
    values["controls"] = {"scratch": {"epochs": 1}}
    values["select"] = {}
    values["export"] = {"parity": {"samples": 40, "batches": [1, 7]}, "calibration_samples": 8}
    values["gate"] = {
        "rules": [{"metric": "position_f1", "at_least": 0.8}],
        "better_than_controls": {"metric": "position_f1"},
        "operational": {"batch1_ms_p95": 2000, "samples_per_second": 1},
    }
    values["promotion"] = {"allow_dirty": True}
    values["tracking"] = {"model": "marks"}
    (line / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def marking(place: Path) -> Workspace:
    """A clone with the package installed in `place`/installed, and a params.yaml that chooses its plug-ins."""
    samples(place / "measured")
    weights(place / "trained" / "series_network.safetensors")
    line = clone(place)
    params(line.folder, place / "trained" / "series_network.safetensors")
    line.environment["PYTHONPATH"] = str(install(place / "installed", PACKAGE))
    line.environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return line


if __name__ == "__main__":
    made = marking(Path(sys.argv[1]))
    accepted(made)
    sys.stdout.write(f"cd {made.folder}; export PYTHONPATH={made.environment['PYTHONPATH']}\n")
