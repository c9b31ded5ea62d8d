"""Peak memory of each stage on the demo's data, and on ten times as many images.

Counted are anonymous pages (`RssAnon`) of the stage's process and its children, sampled every 20 ms: memory-mapped
files are the kernel's cache, which it takes back when it is short. The ten times are the images turned, mirrored and
cropped, so that all contents differ; on them one epoch of one view is trained, which needs no less memory than many.
"""

import argparse
import csv
import io
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.workspace import LINE, ROOT, publish, stages, workspace
from components.data.dataset import Dataset

TIMES, CROP = 10, 0.9


class Peak(threading.Thread):
    """The largest sum of anonymous pages over this process's children, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mib = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        own = psutil.Process()
        while not self._over.wait(0.02):
            self.mib = max(self.mib, sum(_anonymous(child.pid) for child in own.children(recursive=True)))

    def close(self) -> float:
        self._over.set()
        self.join()
        return round(self.mib, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--times", type=int, default=TIMES, help=f"how many times the images (default {TIMES})"
    )
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory(prefix="graftline-memory-") as folder:
        once = _line(Path(folder), 1)
        many = _line(Path(folder), times)
    peak = max(once.values()), max(many.values())
    publish(
        "memory",
        {
            "peak of the demo, MiB": peak[0],
            f"peak with {times} times the images, MiB": peak[1],
            "ratio": round(peak[1] / peak[0], 3),
            "stages, MiB": {name: [once[name], many[name]] for name in LINE},
        },
    )


def _line(folder: Path, times: int) -> dict[str, float]:
    """Peak of each stage, in MiB."""
    source = folder / f"images-{times}"
    _write_source(source, times)
    changes = {
        "data.source": f"file:{source}",
        "data.sha256": None,
        "augment.views": 1,
        "tune.epochs": 2,
        "controls.scratch.epochs": 1,
    }
    space = workspace(folder / f"workspace-{times}", changes)
    (space / "data" / "source.lock").unlink()
    home = folder / f"home-{times}"
    stages(space, ["refresh"], home)
    peaks = {}
    for name in LINE:
        peak = Peak()
        peak.start()
        stages(space, [name], home)
        peaks[name] = peak.close()
    return peaks


def _write_source(folder: Path, times: int) -> None:
    """The demo's images in `times` versions of different content, with their labels file."""
    dataset = Dataset.open(ROOT / "dataset")
    (folder / "images").mkdir(parents=True)
    slices, targets = dataset.slices()["type"], dataset.targets()
    rows = io.StringIO()
    table = csv.writer(rows, delimiter=" ", lineterminator="\n")
    for number, sample in enumerate(dataset.ids()):
        cell = np.asarray(Image.open(io.BytesIO(dataset.read(sample))))
        probability = float(dataset.description["classes"][targets[number]] == "defective")
        for version in range(times):
            path = f"images/{number:05}-{version}.png"
            Image.fromarray(_version(cell, version)).save(folder / path)
            table.writerow((path, probability, slices[number]))
    (folder / "labels.csv").write_text(rows.getvalue())


def _version(cell: np.ndarray, version: int) -> np.ndarray:
    """8 turned and mirrored ones, then corners cut out and stretched to the old size."""
    if version < 8:
        turned = np.rot90(cell, version % 4)
        return np.ascontiguousarray(turned[:, ::-1] if version > 3 else turned)
    side = round(cell.shape[0] * CROP)
    corner = cell[:side, :side] if version == 8 else cell[-side:, -side:]
    return np.asarray(Image.fromarray(corner).resize(cell.shape[::-1]))


def _anonymous(pid: int) -> float:
    """MiB of anonymous pages of a process; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
