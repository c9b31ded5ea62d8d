"""A workspace beside the repository that shares its caches, for trials that must not touch the line."""

import copy
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from components.stages.table import STAGES

LINE = tuple(row.name for row in STAGES)
ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load_before": round(os.getloadavg()[0], 2),
        "gpu": "not run on a GPU",
    }


def processor() -> str:
    info = Path("/proc/cpuinfo").read_text()
    return next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), "?")


def publish(name: str, result: Mapping[str, object]) -> None:
    """Write results/<name>.json with the machine, and show it."""
    print(keep(name, result))


def keep(name: str, result: Mapping[str, object]) -> str:
    """Write results/<name>.json with the machine, whole or not at all; what it says."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **result}, indent=2)
    part = RESULTS / f"{name}.json.part"
    part.write_text(text + "\n")
    part.replace(RESULTS / f"{name}.json")
    return text


def workspace(folder: Path, changes: Mapping[str, object]) -> Path:
    """A folder with the repository's params.yaml, changed at dotted keys, and the same sources."""
    folder.mkdir(parents=True, exist_ok=True)
    params = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    for path, value in changes.items():
        section = params
        *parents, last = path.split(".")
        for parent in parents:
            section = section[parent]
        section[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (folder / "versions.json").write_bytes((ROOT / "versions.json").read_bytes())
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "source.lock").write_bytes((ROOT / "data" / "source.lock").read_bytes())
    return folder


def stages(folder: Path, names: Sequence[str], home: Path | None = None) -> dict[str, float]:
    """Run stages in `folder` with the repository's caches (or `home`); seconds of each."""
    seconds = {}
    for name in names:
        started = time.perf_counter()
        environment = os.environ | {
            "GRAFTLINE_HOME": str(home or ROOT / ".graftline"),
            "PYTHONPATH": str(ROOT),
        }
        subprocess.run([sys.executable, "-m", "components", name], cwd=folder, check=True, env=environment)
        seconds[name] = round(time.perf_counter() - started, 1)
    return seconds
