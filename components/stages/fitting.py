"""What the stages share that train above a cut: samples as activations, the loop, and what is written of it."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from components.evaluation.similarity import distance, linear_cka
from components.methods.base import Method, trained_count
from components.methods.samples import Samples
from components.params import Params
from components.problems.base import Network as Problem
from components.stages.domains import Chosen, rows_of
from components.stages.frozen import Frozen
from components.stages.network import NetworkLine, save_tensors
from components.stages.table import Context
from components.storage.publish import write_bytes, write_json
from components.training.accumulating import fit_in_memory
from components.training.batches import Views
from components.training.checkpoints import Epoch
from components.training.loop import Loop
from components.training.network import Network, fresh_head
from components.training.plan import Data, Job, MeanLoss, Outcome, Recipe, Watch
from components.training.scoring import features, score

Scored = tuple[float, Mapping[str, float]]  # loss, and scores by name


@dataclass(frozen=True)
class Activations:
    """Samples at the cut of a frozen network, from the sample store."""

    line: NetworkLine
    frozen: Frozen

    @classmethod
    def at(cls, line: NetworkLine, cut: Callable[[int], int]) -> "Activations":
        """`cut` says where a backbone of so many blocks is cut."""
        return cls(line, line.frozen(cut(line.pretrained[0].blocks)))

    def fresh_head(self) -> nn.Module:
        """The problem's head, untrained: (B, width) → (B, outputs)."""
        backbone = self.frozen.backbone
        return fresh_head(self.line.problem, backbone.width, self.line.params.seed, backbone.channels)

    def clean(self, chosen: Chosen) -> Samples:
        """The samples as they are."""
        return self._views(chosen, 1)

    def augmented(self, chosen: Chosen) -> Samples:
        """In every view that params ask for."""
        return self._views(chosen, len(self.line.augmented.views))

    def rows(self, chosen: Chosen) -> Chosen:
        """The windows of samples where these are cut."""
        return rows_of(chosen, self.line.dataset.target, self.line.windows(chosen.ids))

    def _views(self, chosen: Chosen, views: int) -> Samples:
        rows = self.rows(chosen)
        wanted = [(row, view) for view in range(views) for row in rows.ids]
        records = self.line.stored(self.frozen, wanted, self.line.augmented)
        return Views(records, rows.targets, views, self.line.params.seed, self.line.problem.collate)


@dataclass(frozen=True)
class Fitted:
    """A network after its training.

    Attributes:
        start: as it was before, frozen.
        device: where it was trained, and is.
        trained: how many numbers some phase trained, the head's among them.
    """

    start: Network
    job: Job
    device: torch.device
    outcome: Outcome
    trained: int

    @property
    def network(self) -> Network:
        return self.job.network


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
    problem: Problem
    method: Method
    weights: Tensor | None = None
    then: Then | None = None


def fit(training: Training, data: Data, recipe: Recipe, watch: Watch) -> Fitted:
    """Train, and what follows training."""
    network, method = training.network, training.method
    start = network.copied()
    method.prepare(network, recipe.seed)
    problem, phases = training.problem, method.phases(network)
    job = Job(network, MeanLoss(problem), phases, training.weights, problem.scores)
    loop = Loop(job, data, recipe, watch)
    trained = trained_count(network, job.phases)
    outcome = fit_in_memory(loop)
    method.finish(network)
    if training.then:
        training.then(network, loop.device)
    return Fitted(start, job, loop.device, outcome, trained)


def described(fitted: Fitted, clean: Samples, validation: Samples, size: int) -> dict[str, object]:
    """What <name>.json says of a trained network, in batches of `size`.

    `overfitting`: loss and scores on `clean`, the training samples without augmentation, and on validation samples.
    `movement`: how far weights and features went from where they started.
    """
    train, held = (score(fitted.job, samples, size, fitted.device) for samples in (clean, validation))
    return {"overfitting": overfitting(train, held), "movement": _movement(fitted, validation, size)}


def overfitting(train: Scored, validation: Scored) -> dict[str, float]:
    """Loss and scores on both splits, and how much each score is higher on the training samples."""
    gap: dict[str, float] = {}
    for split, (loss, scores) in (("train", train), ("validation", validation)):
        gap[f"{split}_loss"] = loss
        gap |= {f"{split}_{name}": value for name, value in scores.items()}
    return gap | {f"{name}_gap": value - validation[1][name] for name, value in train[1].items()}


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
        "validation": {"loss": best.validation_loss, **best.validation},
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
    """The learning curve as CSV: epoch, phase, train_loss, validation_loss, lr, criterion, and the problem's scores."""
    lines = []
    for epoch in history:
        line = asdict(epoch)
        lines.append(line | {f"validation_{name}": value for name, value in line.pop("validation").items()})
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()
