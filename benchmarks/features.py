"""extract_features end to end against what its parts allow, in core-seconds.

The parts: bare session.run on ready tensors, plus bare decoding and resizing of the raw bytes. Efficiency is
their sum over the core-seconds of the whole, through an empty sample store. The export of the frozen layers is
left out of both: it is a constant of some seconds, shown beside.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.params import load_params
from components.stages import frozen as frozen_module
from components.stages.network import frozen_part
from components.stages.table import Context
from components.storage.samples import SampleStore
from components.tasks import load_task
from components.training.tracker import NullTracker


def main() -> None:
    params = load_params(ROOT / "params.yaml")
    torch.set_num_threads(params.runtime.cores)
    dataset = Dataset.open(ROOT / "dataset")
    layers = frozen_part(ROOT / "checkpoint", params, cut=None)
    task = load_task(params.task, layers.spec)
    wanted = [(sample, 0) for sample in dataset.ids()]
    batch = params.features.batch
    with tempfile.TemporaryDirectory() as cache:
        context = Context(NullTracker(), Path(cache), params.runtime.cores, ["cpu"])
        plan = frozen_module._Plan(dataset, layers, task, context, batch)
        started = time.perf_counter()
        session = plan.session()
        prepare = frozen_module._Prepare(dataset, task)
        export_seconds = time.perf_counter() - started

        images = np.stack([prepare(wanted[i]) for i in range(batch)])
        session.run(None, {"image": images})
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(len(wanted) // batch + 1):
            session.run(None, {"image": images})
        bare_run = (time.perf_counter() - wall, time.process_time() - cpu)
        wall, cpu = time.perf_counter(), time.process_time()
        for item in wanted:
            prepare(item)
        bare_decode = (time.perf_counter() - wall, time.process_time() - cpu)

        plan_whole = _Ready(plan, session)
        store, space = SampleStore(Path(cache) / "store"), layers.space(task)
        wall, cpu = time.perf_counter(), time.process_time()
        frozen_module._fill(store, space, plan_whole, wanted)
        whole = (time.perf_counter() - wall, time.process_time() - cpu)
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


class _Ready:
    """The same plan with its session made already."""

    def __init__(self, plan: "frozen_module._Plan", session: object) -> None:
        self._plan, self._session = plan, session

    def __getattr__(self, name: str) -> object:
        return getattr(self._plan, name)

    def session(self) -> object:
        return self._session


if __name__ == "__main__":
    main()
