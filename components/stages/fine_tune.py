"""fine_tune: the layers above the cut and the head, trained from activations that the sample store holds.

The head starts afresh, not from `head/`, which is fitted to clean views alone: on augmented ones a large loss of
few samples would move the blocks first, and far. A fresh head learns with them (Kumar et al., ICLR 2022, on why
a head that does not fit yet distorts pretrained features).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from torch import Tensor

from components.data.dataset import Dataset
from components.methods import load_method
from components.params import Params
from components.progress import log
from components.stages.frozen import Frozen, stored
from components.stages.network import open_checkpoint, open_task, save_tensors
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.storage.publish import write_bytes, write_json
from components.tasks.base import Task
from components.training.batches import Views
from components.training.checkpoints import Epoch
from components.training.loop import Loop
from components.training.network import Network, fresh_head
from components.training.plan import Data, Job, Outcome, Recipe, Watch

SECTIONS = ("task", "augment", "backbone", "features", "tune", "seed")


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write tuned.safetensors (`above.*`, `head.*`), tuned.json and curves.csv.

    Resumes a training of the same inputs, parameters and code that was killed, with the same result.
    """
    dataset = Dataset.open(inputs["dataset"])
    task = open_task(params, inputs["checkpoint"], params.augment)
    method = load_method(params.tune)
    backbone, weights = open_checkpoint(inputs["checkpoint"], params)
    cut = method.cut(backbone.blocks)
    head = fresh_head(task, backbone.width, len(dataset.classes), params.seed)
    network = Network(backbone, head, cut)
    frozen = Frozen(backbone, weights, cut)
    data = _activations(dataset, frozen, task, params, context)
    checkpoints = unfinished("fine_tune", inputs, params, SECTIONS, context)
    job = Job(network, task.loss, method.phases(network))
    watch = Watch("Fine-tuning", context.tracker, checkpoints, "tune.")
    outcome = Loop(job, data, _recipe(params, context), watch).fit()
    _write(outputs["tuned"], network, outcome)
    checkpoints.clear()
    log(
        f"Tuned: best epoch {outcome.best.epoch + 1} of {len(outcome.history)}, validation loss "
        f"{outcome.best.validation_loss:.3f}, accuracy {outcome.best.validation_accuracy:.3f}"
    )


def _activations(dataset: Dataset, frozen: Frozen, task: Task, params: Params, context: Context) -> Data:
    """Every view of the training samples, the clean view of the validation samples: memory-mapped."""
    train, validation = dataset.ids("train"), dataset.ids("validation")
    views = len(task.views)
    wanted = [(sample, view) for view in range(views) for sample in train]
    clean = [(sample, 0) for sample in validation]
    batch = params.features.batch
    records = stored(dataset, [*wanted, *clean], frozen, task, context, batch)
    held = stored(dataset, clean, frozen, task, context, batch)
    return Data(
        Views(records, dataset.targets("train"), views, params.seed),
        Views(held, dataset.targets("validation")),
    )


def _recipe(params: Params, context: Context) -> Recipe:
    tune = params.tune
    return Recipe(
        seed=params.seed,
        batch=tune.batch,
        schedule=tune.schedule,
        weight_decay=tune.weight_decay,
        label_smoothing=tune.label_smoothing,
        patience=tune.patience,
        precision=tune.precision,
        threads=context.threads,
    )


def _write(folder: Path, network: Network, outcome: Outcome) -> None:
    save_tensors(folder / "tuned.safetensors", _tuned(network))
    best = outcome.best
    write_json(
        folder / "tuned.json",
        {
            "cut": network.cut,
            "epochs_run": len(outcome.history),
            "best_epoch": best.epoch,
            "steps": outcome.steps,
            "validation": {"loss": best.validation_loss, "accuracy": best.validation_accuracy},
            "frozen_sha256_before": outcome.frozen_before,
            "frozen_sha256_after": outcome.frozen_after,
            "precision": outcome.precision,
        },
    )
    write_bytes(folder / "curves.csv", curves(outcome.history).encode())


def _tuned(network: Network) -> dict[str, Tensor]:
    parts = {"above": network.backbone.above(network.cut), "head": network.head}
    return {f"{name}.{key}": t.cpu() for name, part in parts.items() for key, t in part.state_dict().items()}


def curves(history: Sequence[Epoch]) -> str:
    """The learning curve as CSV: epoch, phase, train_loss, validation_loss, validation_accuracy, lr."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in history)
    return out.getvalue()
