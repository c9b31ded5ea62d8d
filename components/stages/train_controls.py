"""train_controls: what a transferred network must beat, or transfer was not worth it.

- majority: the most frequent class of the training samples, whatever the picture.
- scratch: the same network from random weights, on the same samples, for a budget of epochs.
- the task's baselines: plain models without any transfer, TF-IDF for texts.

The budget is no number of seconds: equal inputs would then give other bytes on a faster or a busier machine.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.backbones.catalogue import build
from components.data.dataset import Dataset
from components.export.release import ReleaseNetwork, export_release
from components.methods.base import Group, Phase
from components.methods.samples import Asked, Indices, Samples
from components.params import Params
from components.progress import log
from components.stages.compact import CompactSamples
from components.stages.domains import Chosen, decided, learned
from components.stages.network import input_spec
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.storage.publish import write_bytes, write_json
from components.tasks import load_task
from components.tasks.base import Task
from components.training.accumulating import fit_in_memory
from components.training.batches import Views
from components.training.loop import Loop
from components.training.network import Network, fresh_head
from components.training.plan import Data, Job, Outcome, Recipe, Watch

RATE = 2e-3
# Random weights need more room than fine-tuning, and a decay that AdamW's authors found good from scratch.
WEIGHT_DECAY = 1e-2
# Training from the pixels on keeps some 60 MB of activations an image: the whole stays well below 2 GiB.
BATCH = 12


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write controls.json and scratch.onnx, which has the release's signature."""
    dataset = Dataset.open(inputs["dataset"])
    task = task_of(params, inputs["checkpoint"])
    network = _fresh(params, inputs["checkpoint"], task, len(dataset.classes))
    chosen = learned(dataset, params.domains)
    train = _samples(dataset, chosen, len(task.views), task, params, context)
    held = _samples(dataset, decided(dataset, "validation", params.domains), 1, task, params, context)
    data = Data(again(train, len(held.targets)), held)
    checkpoints = unfinished("train_controls", inputs, params, context)
    names = network.head_names() + network.above_names()
    phase = Phase("scratch", params.controls.scratch.epochs, (Group(names, RATE),))
    job = Job(network, task.loss, (phase,))
    watch = Watch("From scratch", context.tracker, checkpoints, "scratch.")
    outcome = fit_in_memory(Loop(job, data, _recipe(params, context), watch))
    folder, most = outputs["controls"], majority(dataset, chosen)
    write_bytes(folder / "scratch.onnx", _export(network, task))
    for name, baseline in task.baselines.items():
        payloads = [dataset.read(i) for i in chosen.ids]
        model = baseline.fit(payloads, chosen.targets, len(dataset.classes), params.seed)
        write_bytes(folder / name, model)
    write_json(
        folder / "controls.json",
        {
            "majority": most,
            "scratch": _scratch(outcome),
            "baselines": sorted(task.baselines),
        },
    )
    checkpoints.clear()
    log(
        f"Controls: majority {most['class']!r}; from scratch {len(outcome.history)} epochs in "
        f"{outcome.seconds:.0f} s, validation accuracy {outcome.best.validation_accuracy:.3f}"
    )


def majority(dataset: Dataset, chosen: Chosen) -> dict[str, object]:
    """The most frequent class of what is learned from (the first of equals), and its share there."""
    counts = np.bincount(chosen.targets, minlength=len(dataset.classes))
    index = int(counts.argmax())
    return {"class": dataset.classes[index], "index": index, "share": float(counts[index] / counts.sum())}


def task_of(params: Params, checkpoint: Path) -> Task:
    """The task as the control sees it: it may look at a sample more coarsely than the release does."""
    spec = input_spec(params, checkpoint)
    size = min(params.controls.scratch.input_size or spec.size, spec.size)
    coarse = params.task.model_copy(update={"input_size": size})
    return load_task(coarse, replace(spec, size=size), params.augment, checkpoint)


def _fresh(params: Params, checkpoint: Path, task: Task, classes: int) -> Network:
    backbone = build(params.backbone.name, params.seed, checkpoint)
    return Network(backbone, fresh_head(task, backbone.width, classes, params.seed), cut=0)


def _samples(
    dataset: Dataset, chosen: Chosen, views: int, task: Task, params: Params, context: Context
) -> Views:
    held = CompactSamples(dataset, chosen.ids, task).fill(context)
    return Views(held, chosen.targets, views, params.seed)


class Again(Asked):
    """The samples several times in an epoch, each time in another order."""

    def __init__(self, samples: Samples, times: int) -> None:
        super().__init__(samples)
        self._times = times

    def shuffled(self, seed: int, epoch: int, size: int) -> list[Indices]:
        turns = range(epoch * self._times, (epoch + 1) * self._times)
        return [chunk for turn in turns for chunk in self._samples.shuffled(seed, turn, size)]


def again(samples: Samples, held: int) -> Samples:
    """So often that an epoch shows no fewer than the `held` samples that validate it.

    With few labels validation would otherwise take many times as long as the training.
    """
    times = -(-held // max(len(samples.targets), 1))
    return Again(samples, times) if times > 1 else samples


def _recipe(params: Params, context: Context) -> Recipe:
    return Recipe(
        seed=params.seed,
        batch=BATCH,
        weight_decay=WEIGHT_DECAY,
        precision="fp32",  # of a whole network, faster than bf16 even with AMX: depthwise convolutions backwards
        threads=context.threads,
    )


def _scratch(outcome: Outcome) -> dict[str, object]:
    best = outcome.best
    return {
        "epochs": len(outcome.history),
        "steps": outcome.steps,
        "precision": outcome.precision,
        **outcome.notes,
        "validation": {"loss": best.validation_loss, "accuracy": best.validation_accuracy},
    }


def _export(network: Network, task: Task) -> bytes:
    network.to("cpu").eval()
    whole = ReleaseNetwork(task.preprocessor(), network.backbone, network.head).eval()
    return export_release(whole, task.signature)
