"""train_head: the chosen head on frozen features; validation data choose its one parameter."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from components.data.dataset import Dataset
from components.errors import DataError
from components.evaluation.intervals import Metric
from components.heads import load_head
from components.heads.base import Samples
from components.params import Params
from components.progress import log, progress
from components.stages.domains import Chosen, decided, learned, rows_of, unlabelled
from components.stages.network import NetworkLine, save_tensors
from components.stages.table import Context
from components.stages.uncalibrated import Uncalibrated, best, known
from components.stages.weights import sample_weights
from components.storage.publish import write_bytes, write_json
from components.training.plan import MeanLoss
from components.training.seeds import deterministic

CHUNK = 1024


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write head.safetensors, from which the head is rebuilt, head.json and curves.csv."""
    line = NetworkLine(inputs, params, context)
    dataset = line.dataset
    learns, held = learned(dataset, params.domains), decided(dataset, "validation", params.domains)
    weights = sample_weights(line, learns, unlabelled(dataset, params.domains))
    training, validation = labelled(line, learns, weights), labelled(line, held)
    demand_weight(training, dataset)
    head, metric = load_head(params.head, params.seed), params.head.metric
    found = Uncalibrated(line.decision, line.judge)
    with deterministic(context.threads):
        fitted = list(progress(head.fits(training, validation), "Head", head.parameter))
        scores = [score(head.module(state), validation, metric, found) for _, state in fitted]
    place = better(metric, found.metric(metric), scores)
    chosen, state = fitted[place]
    shipped = {n: tensor.float() if tensor.is_floating_point() else tensor for n, tensor in state.items()}
    save_tensors(outputs["head"] / "head.safetensors", shipped)
    candidates = [
        {"candidate": value, **{name: known(number) for name, number in values.items()}}
        for (value, _), values in zip(fitted, scores, strict=True)
    ]
    write_json(
        outputs["head"] / "head.json",
        {
            "method": params.head.method,
            "parameter": head.parameter,
            "chosen": chosen,
            "metric": metric,
            "candidates": candidates,
            "target": dataset.description,
            "width": training.features.shape[1],
        },
    )
    write_bytes(outputs["head"] / "curves.csv", _csv(candidates).encode())
    context.tracker.params({f"head.{head.parameter}": chosen})
    context.tracker.metrics({f"head.validation_{metric}": scores[place]["score"]})
    log(
        f"Head: {params.head.method}, {head.parameter} {chosen:g}, validation {metric} {scores[place]['score']:.3f}"
    )


def better(name: str, metric: Metric[Any], scores: Sequence[Mapping[str, float]]) -> int:
    """Which of the candidates; a tie goes to the lower loss: metrics of few samples are coarse."""
    signed = [metric.signed(row["score"]) for row in scores]
    return best("head.metric", name, signed, [row["loss"] for row in scores])


def score(module: nn.Module, samples: Samples, metric: str, found: Uncalibrated) -> dict[str, float]:
    """The metric (`score`) and the problem's loss (`loss`) of a head in double precision."""
    rows = torch.split(torch.from_numpy(samples.features), CHUNK)
    with torch.inference_mode():
        outputs = torch.cat([module(chunk.double()) for chunk in rows])
    wanted = torch.from_numpy(samples.problem.collate(samples.targets))
    loss = MeanLoss(samples.problem)(outputs, wanted)
    return {"score": found.value(metric, outputs.numpy(), samples.targets), "loss": float(loss)}


def labelled(line: NetworkLine, chosen: Chosen, weights: npt.NDArray[np.float64] | None = None) -> Samples:
    """The features of `chosen`, which count by `weights` (N,), or alike."""
    rows = rows_of(chosen, line.dataset.target, line.features.windows)
    features = line.features.of(rows.rows, rows.numbers)
    return Samples(features, rows.targets, line.problem, rows.per_row(weights))


def demand_weight(training: Samples, dataset: Dataset) -> None:
    """DataError where the weighting leaves nothing of what must be learned, e.g. of a class."""
    lacking = dataset.target.lacking(training.targets[training.masses > 0])
    if lacking:
        raise DataError(
            f"With weighting.method, {lacking} that counts: all of them weigh nothing.",
            "Take another weighting.method, or none.",
        )


def _csv(candidates: Sequence[Mapping[str, float | None]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["candidate", "score", "loss"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(candidates)
    return out.getvalue()
