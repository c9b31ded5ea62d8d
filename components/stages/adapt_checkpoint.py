"""adapt_checkpoint: a new starting checkpoint from the data at hand, or the one that was fetched, as it is.

Test samples are not looked at, and of a target whose labels are hidden no label is.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from components.backbones.checkpoint import PROVENANCE, WEIGHTS, read_provenance, save
from components.data.dataset import Dataset
from components.methods import load_pretraining
from components.methods.pretraining import (
    Features,
    Given,
    Known,
    Names,
    Posed,
    Pretraining,
    Words,
    accuracy,
    cross_entropy,
)
from components.methods.samples import Samples
from components.params import Params
from components.params.domains import DomainsParams
from components.progress import log
from components.stages.compact import CompactSamples
from components.stages.domains import Chosen, decided, learned, regardless
from components.stages.fitting import Activations
from components.stages.network import NetworkLine, open_checkpoint
from components.stages.rows import refuse_windows
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.storage.publish import write_bytes
from components.training.batches import Views
from components.training.loop import Loop
from components.training.network import Network, TokenNetwork
from components.training.plan import Data, Job, Outcome, Recipe, Watch

Sides = tuple[Chosen, Chosen]  # training, validation


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write adapted/, in the format of checkpoint/.

    Resumes a training of the same inputs, parameters and code that was killed, with the same result.
    """
    checkpoint, folder = inputs["checkpoint"], outputs["adapted"]
    method = load_pretraining(params.pretrain)
    if method is None:
        open_checkpoint(checkpoint, params)  # damaged weights go no further
    made = () if method is None else (WEIGHTS, PROVENANCE)
    for path in sorted(checkpoint.iterdir()):
        if path.name not in made:
            write_bytes(folder / path.name, path.read_bytes())
    if method is None:
        return
    line = NetworkLine(inputs, params, context)
    refuse_windows(line.modality, "pretrain.method")
    dataset, whole = line.dataset, line.frozen()
    samples = Activations(line, replace(whole, cut=method.cut(whole.backbone.blocks)))
    sides = seen(dataset, method, params.domains)
    known = _known(line, sides)
    method.check(known)
    checkpoints = unfinished("adapt_checkpoint", inputs, params, context)
    watch = Watch("Pre-training", context.tracker, checkpoints, "pretrain.", "pretrain")
    outcome = _train(method, samples, method.pose(_given(method, samples, sides, known)), watch)
    provenance = read_provenance(checkpoint)
    about = {**_about(dataset, sides, params, outcome), "base_weights_sha256": provenance.weights_sha256}
    save(folder, samples.frozen.backbone.cpu().state_dict(), replace(provenance, adaptation=about))
    checkpoints.clear()
    first, best = outcome.history[0], outcome.best
    log(
        f"Pre-trained by {params.pretrain.method}: best epoch {best.epoch + 1} of {len(outcome.history)}, "
        f"validation loss {best.validation_loss:.3f} (after the first {first.validation_loss:.3f})"
    )


def seen(dataset: Dataset, method: Pretraining, domains: DomainsParams) -> Sides:
    """What the method may look at; targets are -1 unless the task itself may learn from them."""
    if method.sees == "labelled":
        return learned(dataset, domains), decided(dataset, "validation", domains)
    wanted = domains.target if method.sees == "unlabelled" else (*domains.source, *domains.target)
    train, validation = (regardless(dataset, side, domains, wanted) for side in ("train", "validation"))
    return train, validation


def _known(line: NetworkLine, sides: Sides) -> Known:
    """Of a problem that offers classes, the network has an output for each."""
    tasks = tuple(
        _tasks(line.dataset, split, side, line.params)
        for split, side in zip(("train", "validation"), sides, strict=True)
    )
    return Known((sides[0].targets, sides[1].targets), line.problem.outputs, (tasks[0], tasks[1]))


def _given(method: Pretraining, samples: Activations, sides: Sides, known: Known) -> Given:
    def features() -> tuple[Features, Features]:
        return _features(samples, sides[0]), _features(samples, sides[1])

    train, validation = _tokens(samples, sides) if method.tokens else _activations(method, samples, sides)
    return Given(
        train=train,
        validation=validation,
        known=known,
        views=len(samples.line.augmented.views),
        width=samples.frozen.backbone.width,
        seed=samples.line.params.seed,
        features=features,
        words=_words(samples) if method.tokens else None,
    )


def _activations(method: Pretraining, samples: Activations, sides: Sides) -> tuple[Samples, Samples]:
    wanted = samples.augmented if method.paired else samples.clean
    return samples.augmented(sides[0]), wanted(sides[1])


def _tokens(samples: Activations, sides: Sides) -> tuple[Samples, Samples]:
    line = samples.line
    train, validation = (
        Views(CompactSamples(line.dataset, side.ids, line.augmented).fill(line.context), side.targets)
        for side in sides
    )
    return train, validation


def _words(samples: Activations) -> Words:
    known = samples.line.augmented.vocabulary
    assert known is not None, "needs are checked before any work"
    found = (m for m in samples.frozen.backbone.modules() if isinstance(m, nn.Embedding))
    embedding = next(m for m in found if m.num_embeddings == known.size)
    return Words(known.size, known.mask, known.marks, embedding)


def _tasks(dataset: Dataset, side: str, chosen: Chosen, params: Params) -> Names:
    """The task of each sample: its value of the column that params name."""
    name = params.pretrain.tasks
    if name is None:
        return np.full(len(chosen), "")
    return chosen.domains if name == "domain" else dataset.slices(side)[name][chosen.places]


def _features(samples: Activations, chosen: Chosen) -> Features:
    """What the whole frozen network says of the samples, from the store."""
    line = samples.line
    records = line.stored(line.frozen(), [(i, 0) for i in chosen.ids], line.augmented)
    return np.asarray(records[np.arange(len(chosen))], dtype=np.float32)


def _train(method: Pretraining, samples: Activations, posed: Posed, watch: Watch) -> Outcome:
    backbone, cut, params = samples.frozen.backbone, samples.frozen.cut, samples.line.params
    network = (TokenNetwork if method.tokens else Network)(backbone, posed.head, cut)
    phase = method.phase(network, backbone.blocks)
    recipe = Recipe(
        seed=params.seed,
        batch=params.pretrain.batch,
        weight_decay=params.pretrain.weight_decay,
        precision="fp32",  # similarities and distances need the digits
        threads=samples.line.context.threads,
        slow=posed.slow,
    )
    job = Job(network, cross_entropy, (phase,), posed.weights, accuracy)
    return Loop(job, Data(posed.train, posed.validation), recipe, watch).fit()


def _about(dataset: Dataset, sides: Sides, params: Params, outcome: Outcome) -> dict[str, object]:
    """What provenance.json says was done to the published weights."""
    return {
        "method": params.pretrain.method,
        "params": params.pretrain.model_dump(mode="json", exclude={"method"}),
        "seed": params.seed,
        "dataset_sha256": dataset.digest,
        "domains": sorted({str(name) for name in sides[0].domains} - {""}),
        "training_samples": len(sides[0]),
        "epochs_run": len(outcome.history),
        "best_epoch": outcome.best.epoch,
        "validation": {"loss": outcome.best.validation_loss, **outcome.best.validation},
    }
