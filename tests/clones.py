"""A line as a newcomer has it, on 80 small pictures and a network of random weights, run by real commands."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from dark_and_light import write_pictures
from run_git import git
from safetensors.torch import save_file
from written import WRITTEN

from components.backbones.catalogue import build
from components.telemetry import OFF

ROOT = Path(__file__).parents[1]
PICTURES, SIZE = 80, 32
NOT_HANDED_ON = {"GRAFTLINE_HOME", "GRAFTLINE_RUN_ID"}


@dataclass(frozen=True)
class Line:
    """A workspace, and its commands as processes."""

    root: Path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in NOT_HANDED_ON}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return {**kept, **OFF, "PATH": path, **(more or {})}

    def run(
        self, *words: str, more: Mapping[str, str] | None = None, timeout: float = 400
    ) -> "subprocess.CompletedProcess[str]":
        """`python -m WORDS` in the workspace."""
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.root,
            env=self.environment(more),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def stage(self, name: str) -> "subprocess.CompletedProcess[str]":
        return self.run("components", name)

    def set(self, section: str, **values: object) -> None:
        """Change keys of a section of params.yaml."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params.setdefault(section, {}).update(values)
        path.write_text(yaml.safe_dump(params))


def clone(root: Path) -> Line:
    """A fresh clone with data and weights of its own; nothing has run yet but `refresh`."""
    shutil.copytree(ROOT / "components", root / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "versions.json"):
        shutil.copy(ROOT / name, root)
    write_pictures(root / "pictures", PICTURES)
    save_file(build("efficientnet_lite0", seed=1).state_dict(), root / "weights.safetensors")
    (root / "params.yaml").write_text(yaml.safe_dump(_params(root)))
    line = Line(root)
    for words in (("dvc", "init", "--no-scm", "-q"), ("components", "refresh")):
        done = line.run(*words)
        assert done.returncode == 0, done.stderr
    return line


def small_line(place: Path, **more: Mapping[str, object]) -> Path:
    """`place`/line: a git clone whose branch `main` has a small line, which learns from `place`/pictures.

    Beside it lie the weights and a DVC remote. `more` changes keys of sections of params.yaml.
    """
    root = place / "line"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    write_pictures(place / "pictures", PICTURES)
    save_file(build("efficientnet_lite0", seed=1).state_dict(), place / "weights.safetensors")
    params: dict[str, dict[str, object]] = _params(place)  # type: ignore[assignment]
    params["data"] |= {"source": "file:../pictures"}
    params["backbone"] |= {"uri": "file:../weights.safetensors"}
    params |= {"schedule": {"revision": "main"}, "tracking": {"model": "cells"}}
    for name, values in more.items():
        params[name] = {**params.get(name, {}), **values}
    git(root, "checkout", "-q", "-B", "main")
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    for name in ("dvc.lock", "data/source.lock"):
        (root / name).unlink(missing_ok=True)
    git(root, "commit", "-qam", "a small line")
    remote = ("remote", "add", "-q", "--local", "-d", "store", "../remote")
    subprocess.run([sys.executable, "-m", "dvc", *remote], cwd=root, check=True)
    return root


def copy(line: Line, root: Path) -> Line:
    shutil.copytree(line.root, root)
    return Line(root)


def _params(root: Path) -> dict[str, object]:
    digest = hashlib.sha256((root / "weights.safetensors").read_bytes()).hexdigest()
    weights = {"uri": "file:weights.safetensors", "sha256": digest, "licence": "none"}
    data = {"source": "file:pictures", "licence": "none", "layout": "folders"}
    return {
        **WRITTEN,
        "seed": 5,
        "data": {**data, "limits": {"min_per_class": 1}},
        "task": {"modality": "image", "problem": "classification", "input_size": SIZE},
        "augment": {"views": 2},
        "backbone": {"name": "efficientnet_lite0", **weights},
        "features": {"batch": 8},
        "head": {"method": "logistic", "metric": "auroc"},
        "tune": {
            "method": "last_blocks",
            "then": "none",
            "blocks": 2,
            "epochs": 3,
            "head_epochs": 1,
            "batch": 8,
        },
        "controls": {"scratch": {"epochs": 1}},
        "select": {"metric": "auroc"},
        "export": {"parity": {"samples": 10, "batches": [1, 3]}, "calibration_samples": 8},
        "evaluate": {},
        "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
        "runtime": {"threads": 1},
    }
