"""Batch scoring against what its parts allow, in core-seconds; and its memory over 100,000 inputs.

The parts: bare session.run on ready tensors, in the batches and by the threads that scoring uses, plus bare decoding of
the raw bytes. Efficiency is their sum over the core-seconds of the whole: listing, reading, digests, rows, Parquet,
renames. Opening the model is left out of both. Memory is that of a process of its own that scores a table in which the
demo's images occur again and again: anonymous pages, at most in the first tenth, and at most afterwards.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from benchmarks.features import _spent
from benchmarks.memory import _anonymous
from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.inference.bundle import Bundle, open_bundle
from components.inference.inputs import Folder, Inputs
from components.inference.manifests import Columns, Table
from components.inference.plan import Model, Output, make_plan
from components.inference.scoring import Scorer
from components.params import load_params

MODEL = Model("benchmark", "1", "0" * 64, "fp32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2624, help="for the throughput (default: all 2,624)")
    parser.add_argument("--inputs", type=int, default=100_000, help="for the memory (default: 100,000)")
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)  # in the process that is watched
    options = parser.parse_args()
    if options.table:
        _score(Table(options.table, Columns(id="id")), options.table.parent / "out")
        return
    with tempfile.TemporaryDirectory(prefix="graftline-scoring-") as place:
        folder = Path(place)
        _write_images(folder / "images", options.images)
        publish("scoring", {**_throughput(folder), **_memory(folder, options.inputs)})


def _write_images(folder: Path, count: int) -> None:
    dataset = Dataset.open(ROOT / "dataset")
    folder.mkdir()
    for number, sample in enumerate(dataset.ids()[:count]):
        (folder / f"{number:05}.png").write_bytes(dataset.read(sample))


def _scorer(bundle: Bundle) -> Scorer:
    runtime = load_params(ROOT / "params.yaml").runtime
    return Scorer(bundle, MODEL, runtime.providers, runtime.cores)


def _score(inputs: Inputs, folder: Path, scorer: Scorer | None = None) -> None:
    output = Output(folder, make_plan(MODEL, 1024, inputs))
    parts = output.plan.shard(1, 1)
    with output.held(parts):
        (scorer or _scorer(open_bundle(ROOT / "release"))).score(inputs, output, parts, lambda count: None)
    output.finish()


def _throughput(folder: Path) -> dict[str, object]:
    params = load_params(ROOT / "params.yaml")
    cores = params.runtime.cores
    bundle = open_bundle(ROOT / "release")
    runner = bundle.runner(params.runtime.providers, 1)
    paths = sorted((folder / "images").iterdir())
    payloads = [path.read_bytes() for path in paths]
    batch = np.stack([bundle.modality.decode(payload) for payload in payloads[: runner.batch]])
    calls = range(len(paths) // runner.batch)
    scorer = _scorer(bundle)
    runner.run(batch)
    with ThreadPoolExecutor(cores) as pool:
        run = _spent(lambda: list(pool.map(lambda _: runner.run(batch), calls)))
        decode = _spent(lambda: list(pool.map(bundle.modality.decode, payloads)))
    whole = _spent(lambda: _score(Folder(folder / "images"), folder / "out", scorer))
    parts = run[1] + decode[1]
    return {
        "images": len(paths),
        "bare session.run, core-seconds": round(run[1], 2),
        "bare decoding, core-seconds": round(decode[1], 2),
        "whole, core-seconds": round(whole[1], 2),
        "whole, wall seconds": round(whole[0], 2),
        "images a second": round(len(paths) / whole[0], 1),
        "efficiency": round(parts / whole[1], 3),
        "wall efficiency": round((run[0] + decode[0]) / whole[0], 3),
    }


def _memory(folder: Path, count: int) -> dict[str, object]:
    table = folder / "inputs.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "path"))
        names = cycle(sorted(path.name for path in (folder / "images").iterdir()))
        writer.writerows(
            (f"{number:06}", f"images/{name}") for number, name in enumerate(islice(names, count))
        )
    (folder / "out").rename(folder / "before")
    words = [sys.executable, "-m", "benchmarks.scoring", "--table", str(table)]
    early, late, tenth = 0.0, 0.0, count / 1024 / 10
    with subprocess.Popen(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None:
            done = len(list((folder / "out").glob("part-*.parquet")))
            used = _anonymous(process.pid)
            if done <= tenth:
                early = max(early, used)
            else:
                late = max(late, used)
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit("The process that was watched failed.")
    return {
        "inputs": count,
        "peak of the first tenth, MiB": round(early, 1),
        "peak afterwards, MiB": round(late, 1),
        "growth": round(late / early, 3),
    }


if __name__ == "__main__":
    main()
