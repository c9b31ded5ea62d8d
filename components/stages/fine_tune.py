"""fine_tune: the layers above the cut and the head, trained from activations that the sample store holds.

The head starts afresh, not from `head/`, which is fitted to clean views alone: on augmented ones a large loss of
few samples would move the blocks first, and far. A fresh head learns with them (Kumar et al., ICLR 2022, on why
a head that does not fit yet distorts pretrained features). With `tune.start: source`, blocks and head start from
the network that was trained on the source domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from components.errors import DataError
from components.methods import load_adaptation, load_method, load_objectives, load_tasks
from components.methods.multi_task import Column
from components.methods.objective import Shape
from components.params import Params
from components.progress import log
from components.stages.auxiliary import columns
from components.stages.best_epoch import by_answers, by_labels
from components.stages.domains import Chosen, decided, learned, of_source, unlabelled, watched
from components.stages.fitting import Activations, Then, Training, demand, described, fit, recipe, write
from components.stages.network import NetworkLine, load_trained
from components.stages.rows import refuse_windows
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.stages.weights import sample_weights
from components.training.adapting import adapt
from components.training.network import Network
from components.training.plan import Data, Watch


@dataclass(frozen=True)
class Material:
    """Which samples a training meets.

    Attributes:
        learned: labelled.
        decides: when training stops.
        beside: without a label, or of the target with the label unseen.
        before: what the network learned already; none where it starts from the checkpoint.
        watched: without a label, by which the criterion finds the best epoch; none where labels do.
    """

    learned: Chosen
    decides: Chosen
    beside: Chosen
    before: Chosen | None = None
    watched: Chosen | None = None


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write tuned.safetensors (`above.*`, `head.*`), tuned.json and curves.csv.

    Resumes a training of the same inputs, parameters and code that was killed, with the same result.
    """
    line = NetworkLine(inputs, params, context)
    # Cached activations are the checkpoint's: the source's training moved nothing below the same cut.
    dataset, domains, samples = (
        line.dataset,
        params.domains,
        Activations.at(line, load_method(params.tune).cut),
    )
    backbone, head = samples.frozen.backbone, samples.fresh_head()
    from_source = params.tune.start == "source"
    material = Material(
        learned=learned(dataset, domains, params.tune.start),
        decides=decided(dataset, "validation", domains),
        beside=unlabelled(dataset, domains),
        before=of_source(dataset, "train", domains) if from_source else None,
        watched=watched(dataset, domains),
    )
    if from_source:
        load_trained(inputs["source"] / "source.safetensors", backbone.above(samples.frozen.cut), head)
    tasks = columns(dataset, params, material.learned, material.decides)
    training = prepared(samples, head, material, tasks)
    checkpoints = unfinished("fine_tune", inputs, params, context)
    watch = Watch("Fine-tuning", context.tracker, checkpoints, "tune.")
    data, used = met(samples, material), recipe(params, context)
    fitted = fit(training, data, used, watch)
    clean = samples.clean(material.learned)
    facts = described(fitted, clean, data.validation, used.batch)
    write(outputs["tuned"], "tuned", data, fitted, facts | _facts(params, tasks))
    checkpoints.clear()
    best, epochs = fitted.outcome.best, len(fitted.outcome.history)
    log(f"Tuned: best epoch {best.epoch + 1} of {epochs}, {best.words}")


def _facts(params: Params, tasks: Sequence[Column]) -> dict[str, object]:
    return {
        "start": params.tune.start,
        "tasks": {task.name: list(task.values) for task in tasks},
        "then": params.tune.then,
    }


def prepared(samples: Activations, head: nn.Module, material: Material, tasks: Sequence[Column]) -> Training:
    """The network with a head and what objectives and tasks add, its method, weights, and what follows training."""
    line, backbone = samples.line, samples.frozen.backbone
    params = line.params
    shape = Shape(backbone.width, line.problem.outputs, params.seed)
    added: list[nn.Module] = [*load_objectives(params.objectives, shape)]
    if shared := load_tasks(params.objectives.tasks, shape, tasks):
        refuse_windows(line.modality, "objectives.tasks")
        added.append(shared)
    network = Network(backbone, head, samples.frozen.cut, added)
    method = load_method(params.tune)
    demand(method, network)
    then = _then(network, samples, material)
    counts = sample_weights(line, material.learned, material.beside)
    if counts is not None:
        counts = samples.rows(material.learned).per_row(counts)
    weighed = None if counts is None else torch.from_numpy(counts).float()
    return Training(network, line.problem, method, weighed, then)


def met(samples: Activations, material: Material) -> Data:
    """Every view of what is learned from, clean views of what decides: memory-mapped."""
    line, before = samples.line, material.before
    objectives = line.params.objectives
    wanted = [f"objectives.{role}" for role in ("align", "confident") if getattr(objectives, role) != "none"]
    validation = samples.clean(material.decides)
    return Data(
        train=samples.augmented(material.learned),
        validation=validation,
        unlabelled=samples.augmented(_beside(material, *wanted)) if wanted else None,
        source=samples.clean(before) if before else None,
        criterion=by_answers(samples.clean(material.watched), line)
        if material.watched
        else by_labels(validation, line),
    )


def _then(network: Network, samples: Activations, material: Material) -> Then | None:
    """What follows training, where something does: it meets clean views, which are what a release sees."""
    adaptation = load_adaptation(samples.line.params.tune)
    if adaptation is None:
        return None
    adaptation.moves(network)  # before any work: it raises where there is nothing to adapt
    target = samples.clean(_beside(material, "tune.then"))
    used = recipe(samples.line.params, samples.line.context)
    return lambda trained, device: adapt(trained, adaptation, target, used, device)


def _beside(material: Material, *askers: str) -> Chosen:
    if not len(material.beside):
        keys = " and ".join(askers)
        raise DataError(
            f"{keys} asks for unlabelled samples, and the training side holds none.",
            f"Add samples without a label, or set {keys} to none.",
        )
    return material.beside
