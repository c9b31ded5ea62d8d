"""fine_tune: the layers above the cut and the head, trained from activations that the sample store holds.

The head starts afresh, not from `head/`, which is fitted to clean views alone: on augmented ones a large loss of
few samples would move the blocks first, and far. A fresh head learns with them (Kumar et al., ICLR 2022, on why
a head that does not fit yet distorts pretrained features). With `tune.start: source`, blocks and head start from
the network that was trained on the source domain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from components.data.dataset import Dataset
from components.errors import DataError
from components.methods import load_adaptation, load_method, load_objectives, load_tasks
from components.methods.base import Shape
from components.methods.multi_task import Column
from components.params import Params
from components.progress import log
from components.stages.auxiliary import columns
from components.stages.domains import Chosen, decided, learned, of_source, unlabelled
from components.stages.fitting import Activations, Then, Training, fit, recipe, write
from components.stages.frozen import Frozen
from components.stages.network import load_trained, open_checkpoint, open_task
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.stages.weights import sample_weights
from components.training.adapting import adapt
from components.training.network import Network, fresh_head
from components.training.plan import Data, Watch

SECTIONS = (
    "domains",
    "task",
    "augment",
    "backbone",
    "features",
    "tune",
    "objectives",
    "weighting",
    "seed",
)


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write tuned.safetensors (`above.*`, `head.*`), tuned.json and curves.csv.

    Resumes a training of the same inputs, parameters and code that was killed, with the same result.
    """
    dataset = Dataset.open(inputs["dataset"])
    task = open_task(params, inputs["adapted"], params.augment)
    method = load_method(params.tune)
    chosen = learned(dataset, params.domains, params.tune.start)
    backbone, weights = open_checkpoint(inputs["adapted"], params)
    # Cached activations are the checkpoint's: the source's training moved nothing below the same cut.
    samples = Activations(
        dataset, task, Frozen(backbone, weights, method.cut(backbone.blocks)), params, context
    )
    tasks = columns(dataset, params, chosen, decided(dataset, "validation", params.domains))
    network = _network(samples, inputs, params, tasks)
    then = _then(network, samples, params)
    data = _data(samples, chosen, params)
    counts = sample_weights(inputs["features"], dataset, params, chosen)
    weighed = None if counts is None else torch.from_numpy(counts).float()
    training = Training(network, task, method, weighed, then)
    checkpoints = unfinished("fine_tune", inputs, params, SECTIONS, context)
    watch = Watch("Fine-tuning", context.tracker, checkpoints, "tune.")
    fitted = fit(training, data, samples.clean(chosen), recipe(params, context), watch)
    write(outputs["tuned"], "tuned", fitted, _facts(params, tasks))
    checkpoints.clear()
    best, epochs = fitted.outcome.best, len(fitted.outcome.history)
    log(
        f"Tuned: best epoch {best.epoch + 1} of {epochs}, validation loss {best.validation_loss:.3f}, "
        f"accuracy {best.validation_accuracy:.3f}"
    )


def _facts(params: Params, tasks: Sequence[Column]) -> dict[str, object]:
    return {
        "start": params.tune.start,
        "tasks": {task.name: list(task.values) for task in tasks},
        "then": params.tune.then,
    }


def _network(
    samples: Activations, inputs: Mapping[str, Path], params: Params, tasks: Sequence[Column]
) -> Network:
    backbone, cut = samples.frozen.backbone, samples.frozen.cut
    classes = len(samples.dataset.classes)
    head = fresh_head(samples.task, backbone.width, classes, params.seed)
    if params.tune.start == "source":
        load_trained(inputs["source"] / "source.safetensors", backbone.above(cut), head)
    shape = Shape(backbone.width, classes, params.seed)
    added: list[nn.Module] = [*load_objectives(params.objectives, shape)]
    if shared := load_tasks(params.objectives.tasks, shape, tasks):
        added.append(shared)
    return Network(backbone, head, cut, added)


def _then(network: Network, samples: Activations, params: Params) -> Then | None:
    """What follows training, where something does: it meets clean views, which are what a release sees."""
    adaptation = load_adaptation(params.tune)
    if adaptation is None:
        return None
    adaptation.moves(network)  # before any work: it raises where there is nothing to adapt
    target = samples.clean(_beside(samples.dataset, params, "tune.then"))
    used = recipe(params, samples.context)
    return lambda trained, device: adapt(trained, adaptation, target, used, device)


def _beside(dataset: Dataset, params: Params, *askers: str) -> Chosen:
    found = unlabelled(dataset, params.domains)
    if not len(found):
        keys = " and ".join(askers)
        raise DataError(
            f"{keys} asks for unlabelled samples, and the training side holds none.",
            f"Add samples without a label, or set {keys} to none.",
        )
    return found


def _data(samples: Activations, chosen: Chosen, params: Params) -> Data:
    """Every view of what is learned from, clean views of what decides: memory-mapped."""
    dataset, domains, objectives = samples.dataset, params.domains, params.objectives
    wanted = [f"objectives.{role}" for role in ("align", "confident") if getattr(objectives, role) != "none"]
    before = of_source(dataset, "train", domains) if params.tune.start == "source" else None
    return Data(
        train=samples.augmented(chosen),
        validation=samples.clean(decided(dataset, "validation", domains)),
        unlabelled=samples.augmented(_beside(dataset, params, *wanted)) if wanted else None,
        source=samples.clean(before) if before else None,
    )
