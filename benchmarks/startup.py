"""How long the twelve stages take to start: each by itself, as under `dvc repro`, and as forks, as under a flow.

From the start of the process that DVC starts until the stage's own work would begin: there it is killed. What the forks
wait for their server's imports is counted. Both in one run, on an otherwise idle machine.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.workspace import LINE, ROOT, publish
from components.runtime.python import module_command
from components.stages.table import STAGES
from components.storage.home import home
from components.storage.publish import kernel_lock
from components.training.interrupts import CRASH_POINT
from flows.forks import forked_stages


def main() -> None:
    os.environ["PYTHONPATH"] = str(ROOT)  # of server and clients alike: otherwise it refuses them
    with tempfile.TemporaryDirectory(prefix="graftline-startup-") as folder:
        space = _space(Path(folder))
        with kernel_lock(home(space) / "locks" / "delivery"):  # as under a flow: no stage imports MLflow
            alone = {name: _seconds(space, name) for name in LINE}
            with forked_stages(space, len(os.sched_getaffinity(0))):
                forked = {name: _seconds(space, name) for name in LINE}
    sums = sum(alone.values()), sum(forked.values())
    publish(
        "startup",
        {
            "by themselves, seconds": round(sums[0], 1),
            "as forks, seconds": round(sums[1], 1),
            "ratio": round(sums[0] / sums[1], 1),
            "stages, seconds": {name: [alone[name], forked[name]] for name in LINE},
        },
    )


def _space(folder: Path) -> Path:
    """What a stage looks at before its work: parameters, versions, and whether its inputs are there."""
    for name in ("params.yaml", "versions.json"):
        shutil.copy(ROOT / name, folder)
    for artefact in {name for row in STAGES for name in (*row.inputs, *row.outputs)}:
        path = folder / artefact
        path.parent.mkdir(exist_ok=True)
        path.touch() if path.suffix else path.mkdir()
    return folder


def _seconds(space: Path, name: str) -> float:
    environment = {**os.environ, CRASH_POINT: f"{name}:imported"}
    started = time.monotonic()
    command = module_command("components", name)
    done = subprocess.run(command, cwd=space, env=environment, capture_output=True, text=True, check=False)
    seconds = round(time.monotonic() - started, 2)
    if done.returncode != -9:
        raise RuntimeError(f"{name} ended with code {done.returncode}: {done.stderr[-2000:]}")
    return seconds


if __name__ == "__main__":
    main()
