"""extract_features end to end against what its parts allow, in core-seconds.

The parts: bare session.run on ready tensors, plus bare decoding and resizing of the raw bytes. Efficiency is
their sum over the core-seconds of the whole, through an empty sample store. The export of the frozen layers is
left out of both: it is a constant of some seconds, shown beside.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from benchmarks.workspace import ROOT, publish
from components.params import load_params
from components.stages.frozen import Computation
from components.stages.network import NetworkLine
from components.stages.stored import fill
from components.stages.table import Context
from components.storage.samples import SampleStore
from components.tracker import NullTracker


def main() -> None:
    params = load_params(ROOT / "params.yaml")
    torch.set_num_threads(params.runtime.cores)
    line = NetworkLine.of(ROOT, params, Context(NullTracker(), ROOT, params.runtime.cores, ["cpu"]))
    dataset, layers, modality = line.dataset, line.frozen(), line.modality
    wanted = [(sample, 0) for sample in dataset.ids()]
    batch = params.features.batch
    with tempfile.TemporaryDirectory() as cache:
        context = Context(NullTracker(), Path(cache), params.runtime.cores, ["cpu"])
        started = time.perf_counter()
        compute = Computation(dataset, layers, modality, context, batch)
        export_seconds = time.perf_counter() - started
        images = np.stack([compute.prepare(wanted[i][0])[0] for i in range(batch)])
        compute.infer(images)
        with ThreadPoolExecutor(context.threads) as pool:
            bare_run = _spent(
                lambda: list(pool.map(lambda _: compute.infer(images), range(len(wanted) // batch)))
            )
            bare_decode = _spent(lambda: list(pool.map(compute.prepare, [sample for sample, _ in wanted])))
        store, absent = SampleStore(Path(cache) / "store"), dict.fromkeys(layers.spaces(modality), wanted)
        whole = _spent(lambda: fill(store, compute, absent))
        parts = bare_run[1] + bare_decode[1]
    publish(
        "features",
        {
            "images": len(wanted),
            "bare session.run, core-seconds": round(bare_run[1], 2),
            "bare decoding, core-seconds": round(bare_decode[1], 2),
            "whole, core-seconds": round(whole[1], 2),
            "whole, wall seconds": round(whole[0], 2),
            "images a second": round(len(wanted) / whole[0], 1),
            "efficiency": round(parts / whole[1], 3),
            "wall efficiency": round(parts / params.runtime.cores / whole[0], 3),
            "export of the frozen layers, seconds": round(export_seconds, 2),
        },
    )


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """(wall seconds, core-seconds)."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
