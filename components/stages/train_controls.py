"""train_controls: what a transferred network must beat, or transfer was not worth it.

- constants: what a model would always answer without a look at its input, e.g. the most frequent class.
- scratch: the same network from random weights, on the same samples, for a budget of epochs.
- baselines: plain models on the modality's own features, without any transfer: TF-IDF for texts.

The budget is no number of seconds: equal inputs would then give other bytes on a faster or a busier machine.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from components.backbones.catalogue import build
from components.methods.base import Group, Phase
from components.methods.samples import Asked, Indices, Samples
from components.modalities import describers, load_modality
from components.modalities.base import Modality
from components.params import Params
from components.progress import log
from components.stages.compact import CompactSamples
from components.stages.domains import Chosen, decided, learned, rows_of
from components.stages.line import Line
from components.stages.network import input_spec
from components.stages.released import released
from components.stages.rows import places_of
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.storage.publish import write_bytes, write_json
from components.training.accumulating import fit_in_memory
from components.training.batches import Views
from components.training.loop import Loop
from components.training.network import Network, fresh_head
from components.training.plan import Data, Job, MeanLoss, Outcome, Recipe, Watch

RATE = 2e-3
# Random weights need more room than fine-tuning, and a decay that AdamW's authors found good from scratch.
WEIGHT_DECAY = 1e-2
# Training from the pixels on keeps some 60 MB of activations an image: the whole stays well below 2 GiB.
BATCH = 12


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write controls.json and scratch.onnx, which has the release's signature."""
    line = Line(inputs, params, context)
    dataset, modality, network = line.dataset, modality_of(params, inputs["checkpoint"]), _fresh(line)
    chosen = learned(dataset, params.domains)
    train = _samples(line, chosen, len(modality.views), modality)
    held = _samples(line, decided(dataset, "validation", params.domains), 1, modality)
    data = Data(again(train, len(held.targets)), held)
    checkpoints = unfinished("train_controls", inputs, params, context)
    names = network.head_names() + network.above_names()
    phase = Phase("scratch", params.controls.scratch.epochs, (Group(names, RATE),))
    job = Job(network, MeanLoss(line.problem), (phase,), scores=line.problem.scores)
    watch = Watch("From scratch", context.tracker, checkpoints, "scratch.")
    outcome = fit_in_memory(Loop(job, data, _recipe(params, context), watch))
    folder = outputs["controls"]
    write_bytes(folder / "scratch.onnx", released(network, modality, line.decision))
    plain = describers(params.task)
    for name, describer in plain.items():
        payloads = [dataset.read(i) for i in chosen.ids]
        words = describer.fit(payloads)
        model = line.baseline.fit(describer.features(words, payloads), chosen.targets, params.seed)
        write_bytes(
            folder / f"{name}.safetensors", save({**prefixed("features", words), **prefixed("model", model)})
        )
    constants = line.judge.constants(chosen.targets)
    write_json(
        folder / "controls.json",
        {
            "constants": {name: list(answer) for name, answer in constants.items()},
            "scratch": _scratch(outcome),
            "baselines": sorted(plain),
        },
    )
    checkpoints.clear()
    log(
        f"Controls: {', '.join(constants)}; from scratch {len(outcome.history)} epochs in {outcome.seconds:.0f} s, "
        f"{outcome.best.words}"
    )


def prefixed(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays as one safetensors file holds them beside others: `<prefix>.<name>`."""
    return {f"{prefix}.{name}": np.ascontiguousarray(array) for name, array in arrays.items()}


def modality_of(params: Params, checkpoint: Path) -> Modality:
    """Samples as the control sees them: it may look at a sample more coarsely than the release does."""
    spec = input_spec(params, checkpoint)
    size = min(params.controls.scratch.input_size or spec.size, spec.size)
    coarse = params.task.model_copy(update={"input_size": size})
    return load_modality(coarse, replace(spec, size=size), params.augment, checkpoint)


def _fresh(line: Line) -> Network:
    seed = line.params.seed
    backbone = build(line.params.backbone.name, seed, line.inputs["checkpoint"])
    head = fresh_head(line.problem, backbone.width, seed, backbone.channels)
    return Network(backbone, head, cut=0)


def _samples(line: Line, chosen: Chosen, views: int, modality: Modality) -> Views:
    windows = places_of(line.dataset, modality, chosen.ids, line.context.threads)
    rows = rows_of(chosen, line.dataset.target, windows)
    held = CompactSamples(line.dataset, rows.ids, modality).fill(line.context)
    return Views(held, rows.targets, views, line.params.seed, line.problem.collate)


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
        "validation": {"loss": best.validation_loss, **best.validation},
    }
