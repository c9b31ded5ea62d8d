"""Lines whose modality, problem and backbone come from a package of their own by entry points; one counts bytes."""

import hashlib
import os
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from lines import ROOT, Workspace, clone
from safetensors.torch import save_file

PACKAGE = ROOT / "tests" / "plugins" / "counts"
SAMPLES, LENGTH = 480, 16


def install(folder: Path, source: Path = PACKAGE) -> Path:
    """The package with its entry points in `folder`, as an installer leaves it; a place for PYTHONPATH."""
    told = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    name, version = told["name"], told["version"]
    shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, points in told["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items()), ""]
    (about / "entry_points.txt").write_text("\n".join(lines))
    return folder


def samples(folder: Path) -> None:
    """Files of 16 bytes, and how often something was counted: the first half and the second are about as far apart as
    the logarithm of the rate is from 1.5."""
    draw, rows = np.random.default_rng(5), ["path,label"]
    folder.mkdir(parents=True)
    for number in range(SAMPLES):
        apart = draw.uniform(-1, 1)
        middle = 127.5 + 90 * apart * np.repeat([1, -1], LENGTH // 2)
        values = (middle + draw.integers(-30, 31, LENGTH)).astype(np.uint8)
        (folder / f"{number}.bin").write_bytes(values.tobytes())
        rows.append(f"{number}.bin,{draw.poisson(np.exp(1.5 + 1.2 * apart))}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def weights(path: Path) -> None:
    """Of `counts.byte_network`, as if trained elsewhere; the package need not be importable here."""
    import torch

    made = torch.Generator().manual_seed(3)
    state = {"units.0.weight": torch.randn(24, LENGTH, generator=made) / 4, "units.0.bias": torch.zeros(24)}
    for unit in (1, 2):
        state |= {
            f"units.{unit}.norm.weight": torch.ones(24),
            f"units.{unit}.norm.bias": torch.zeros(24),
            f"units.{unit}.linear.weight": torch.randn(24, 24, generator=made) / 50,
            f"units.{unit}.linear.bias": torch.zeros(24),
        }
    path.parent.mkdir(parents=True)
    save_file(state, path)


@dataclass(frozen=True)
class Foreign:
    """A line on plug-ins of a package that is installed beside it.

    Attributes:
        task: section `task`.
        backbone: its name, and that of the file of its weights.
        metric: what chooses an epoch and is compared with the controls.
        rule: the gate's one rule.
        model: its registered name.
        sections: keys of further sections of params.yaml, by section.
    """

    task: Mapping[str, object]
    backbone: str
    metric: str
    rule: Mapping[str, object]
    model: str
    sections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def params(self, line: Path, checkpoint: Path) -> None:
        """params.yaml of the repository, for this one."""
        values = yaml.safe_load((line / "params.yaml").read_text())
        values["data"] = {
            "source": "file:../measured",
            "licence": "CC0",
            "layout": "manifest",
            "labels": {"file": "manifest.csv"},
            "split": {"train": 0.4, "validation": 0.15, "calibration": 0.1, "test": 0.35},
        }
        values["task"] = dict(self.task)
        values["augment"] = {"views": 2}
        values["backbone"] = {
            "name": self.backbone,
            "uri": f"file:../{checkpoint.parent.name}/{checkpoint.name}",
            "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
            "licence": "CC0",
        }
        values["head"] = {"method": "linear", "l2": [1e-3, 1e-1]}
        values["tune"] |= {"epochs": 4, "blocks": 1, "best_by": self.metric}
        values["controls"] = {"scratch": {"epochs": 1}}
        values["select"] = {}
        values["export"] = {"parity": {"samples": 40, "batches": [1, 7]}, "calibration_samples": 8}
        values["gate"] = {
            "rules": [dict(self.rule)],
            "better_than_controls": {"metric": self.metric},
            "operational": {"batch1_ms_p95": 2000, "samples_per_second": 1},
        }
        values["promotion"] = {"allow_dirty": True}
        values["tracking"] = {"model": self.model}
        for name, keys in self.sections.items():
            values[name] = {**values[name], **keys}
        (line / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    def clone(self, place: Path, weights: Callable[[Path], None], package: Path) -> Workspace:
        """A clone with `package` installed in `place`/installed, and a params.yaml that chooses its plug-ins."""
        checkpoint = place / "trained" / f"{self.backbone}.safetensors"
        weights(checkpoint)
        line = clone(place)
        self.params(line.folder, checkpoint)
        line.environment["PYTHONPATH"] = str(install(place / "installed", package))
        line.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return line


COUNTS = Foreign(
    task={"modality": "bytes", "problem": "count"},
    backbone="byte_network",
    metric="deviance",
    rule={"metric": "deviance", "at_most": 2.0},
    model="counts",
)


def counting(place: Path) -> Workspace:
    """A line on the counts package, with its samples."""
    samples(place / "measured")
    return COUNTS.clone(place, weights, PACKAGE)


def accepted(line: Workspace) -> None:
    """versions.json and dvc.yaml for the packages that are installed."""
    for name in ("versions", "graph"):
        done = line.run("components", name, "--write")
        assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    import sys

    made = counting(Path(sys.argv[1]))
    accepted(made)
    sys.stdout.write(f"cd {made.folder}; export PYTHONPATH={made.environment['PYTHONPATH']}{os.linesep}")
