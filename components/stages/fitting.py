"""What the stages share that train above a cut: samples as activations, the loop, and what is written of it."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from components.data.dataset import Dataset
from components.evaluation.similarity import distance, linear_cka
from components.methods.base import Method, trained_count
from components.methods.samples import Samples
from components.params import Params
from components.stages.domains import Chosen
from components.stages.frozen import Frozen, stored
from components.stages.network import open_checkpoint, open_task, save_tensors
from components.stages.table import Context
from components.storage.publish import write_bytes, write_json
from components.tasks.base import Task
from components.training.accumulating import fit_in_memory
from components.training.batches import Views
from components.training.checkpoints import Epoch
from components.training.loop import Loop
from components.training.network import Network, fresh_head
from components.training.plan import Data, Job, Loss, Outcome, Recipe, Watch
from components.training.scoring import features, score


@dataclass(frozen=True)
class Activations:
    """Samples at the cut of a frozen network, from the sample store."""

    dataset: Dataset
    task: Task
    frozen: Frozen
    params: Params
    context: Context

    @classmethod
    def open(
        cls,
        checkpoint: Path,
        dataset: Dataset,
        cut: Callable[[int], int],
        params: Params,
        context: Context,
    ) -> "Activations":
        """For the network in `checkpoint`; `cut` says where a backbone of so many blocks is cut."""
        backbone, weights = open_checkpoint(checkpoint, params)
        task = open_task(params, checkpoint, params.augment)
        return cls(dataset, task, Frozen(backbone, weights, cut(backbone.blocks)), params, context)

    def fresh_head(self) -> nn.Module:
        """The task's head, untrained: (B, width) → (B, classes)."""
        return fresh_head(self.task, self.frozen.backbone.width, len(self.dataset.classes), self.params.seed)

    def clean(self, chosen: Chosen) -> Samples:
        """The samples as they are."""
        return self._views(chosen, 1)

    def augmented(self, chosen: Chosen) -> Samples:
        """In every view that params ask for."""
        return self._views(chosen, len(self.task.views))

    def _views(self, chosen: Chosen, views: int) -> Samples:
        wanted = [(sample, view) for view in range(views) for sample in chosen.ids]
        batch = self.params.features.batch
        records = stored(self.dataset, wanted, self.frozen, self.task, self.context, batch)
        return Views(records, chosen.targets, views, self.params.seed)


@dataclass(frozen=True)
class Fitted:
    """A network after its training.

    Attributes:
        start: as it was before, frozen.
        device: where it was trained, and is.
        trained: how many numbers some phase trained, the head's among them.
    """

    start: Network
    network: Network
    device: torch.device
    outcome: Outcome
    trained: int


def demand(method: Method, network: Network) -> None:
    """ParamsError for what the method refuses of this network: asked before activations are computed."""
    tried = network.copied()
    method.prepare(tried, 0)
    method.phases(tried)


Then = Callable[[Network, torch.device], None]


@dataclass(frozen=True)
class Training:
    """A network with its first weights, and the method that trains it.

    Attributes:
        weights: (N,), how samples count.
        then: what is done to the trained network, on its device, before anything is measured.
    """

    network: Network
    task: Task
    method: Method
    weights: Tensor | None = None
    then: Then | None = None


def fit(training: Training, data: Data, recipe: Recipe, watch: Watch) -> Fitted:
    """Train, and what follows training."""
    network, method = training.network, training.method
    start = network.copied()
    method.prepare(network, recipe.seed)
    job = Job(network, training.task.loss, method.phases(network), training.weights)
    loop = Loop(job, data, recipe, watch)
    trained = trained_count(network, job.phases)
    outcome = fit_in_memory(loop)
    method.finish(network)
    if training.then:
        training.then(network, loop.device)
    return Fitted(start, network, loop.device, outcome, trained)


def described(
    fitted: Fitted, loss: Loss, clean: Samples, validation: Samples, size: int
) -> dict[str, object]:
    """What <name>.json says of a trained network, in batches of `size`.

    `overfitting`: loss and accuracy on `clean`, the training samples without augmentation, and on validation samples.
    `movement`: how far weights and features went from where they started.
    """
    gap: dict[str, float] = {}
    for side, samples in (("train", clean), ("validation", validation)):
        value, accuracy = score(fitted.network, loss, samples, size, fitted.device)
        gap |= {f"{side}_loss": value, f"{side}_accuracy": accuracy}
    gap["accuracy_gap"] = gap["train_accuracy"] - gap["validation_accuracy"]
    return {"overfitting": gap, "movement": _movement(fitted, validation, size)}


def _movement(fitted: Fitted, samples: Samples, size: int) -> dict[str, float | None]:
    networks = (fitted.start, fitted.network)
    before, after = (
        {n: p.detach().cpu().numpy() for n, p in network.trainable().items() if n.startswith("backbone.")}
        for network in networks
    )
    moved, share = distance(before, {name: after[name] for name in before})
    alike = linear_cka(*(features(network, samples, size, fitted.device).numpy() for network in networks))
    known = None if math.isnan(alike) else alike
    return {"weights_l2": moved, "weights_relative": share, "features_cka": known}


def recipe(params: Params, context: Context) -> Recipe:
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


def write(folder: Path, name: str, data: Data, fitted: Fitted, more: Mapping[str, object]) -> None:
    """<name>.safetensors (`above.*`, `head.*`), <name>.json and curves.csv."""
    network, outcome, best = fitted.network, fitted.outcome, fitted.outcome.best
    save_tensors(folder / f"{name}.safetensors", _tensors(network))
    facts = {
        "cut": network.cut,
        "epochs_run": len(outcome.history),
        "best_epoch": best.epoch,
        "steps": outcome.steps,
        "trained_parameters": fitted.trained,
        "validation": {"loss": best.validation_loss, "accuracy": best.validation_accuracy},
        "best_by": data.criterion.name if data.criterion else "loss",
        "criterion": best.criterion,
        "frozen_sha256_before": outcome.frozen_before,
        "frozen_sha256_after": outcome.frozen_after,
        "precision": outcome.precision,
        **outcome.notes,
    }
    write_json(folder / f"{name}.json", {**facts, **more})
    write_bytes(folder / "curves.csv", curves(outcome.history).encode())


def _tensors(network: Network) -> dict[str, Tensor]:
    parts = {"above": network.backbone.above(network.cut), "head": network.head}
    return {f"{name}.{key}": t.cpu() for name, part in parts.items() for key, t in part.state_dict().items()}


def curves(history: Sequence[Epoch]) -> str:
    """The learning curve as CSV: epoch, phase, train_loss, validation_loss, validation_accuracy, lr, criterion."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in history)
    return out.getvalue()
