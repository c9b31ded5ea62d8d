"""select: head or tuned network, by validation data; temperature by calibration data; threshold by rule.

With `domains.criterion`, the target's validation samples choose the network, their labels unseen.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from components.backbones.base import Backbone
from components.data.dataset import Dataset
from components.evaluation.unlabelled import information_maximisation
from components.params import Params
from components.problems import decision_type, network
from components.problems.base import Array, Targets
from components.progress import log
from components.stages.domains import Chosen, decided, learned, rows_of, watched
from components.stages.features import open_features
from components.stages.fitting import Scored, overfitting
from components.stages.frozen import stored
from components.stages.network import (
    frozen_part,
    load_head,
    load_trained,
    open_checkpoint,
    open_modality,
    save_tensors,
)
from components.stages.table import Context
from components.stages.uncalibrated import Uncalibrated
from components.storage.publish import read_json, write_json
from components.training.plan import MeanLoss
from components.training.scoring import to_device

CPU = torch.device("cpu")


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write network.safetensors (`backbone.*`, `head.*`) and selected.json."""
    dataset = Dataset.open(inputs["dataset"])
    networks = {
        "head": _head_network(inputs, params),
        "tuned": _tuned_network(inputs, dataset, params),
    }
    windows = open_features(inputs["features"]).windows
    splits = {
        split: rows_of(decided(dataset, split, params.domains), dataset.target, windows)
        for split in ("validation", "calibration")
    }
    unseen = watched(dataset, params.domains)
    if unseen is not None:
        unseen = rows_of(unseen, dataset.target, windows)
    looked_at = splits if unseen is None else splits | {"watched": unseen}
    found = {
        "head": _head_outputs(inputs, looked_at, networks["head"][1]),
        "tuned": _tuned_outputs(inputs, dataset, looked_at, networks["tuned"], params, context),
    }
    targets = {split: chosen.targets for split, chosen in splits.items()}
    metric, scores = _scores(found, targets, dataset, params, unseen is None)
    # A tie goes to the head: the simpler network.
    chosen = max(("head", "tuned"), key=lambda name: _signed(metric, scores[name], dataset, params))
    backbone, head = networks[chosen]
    state = {f"backbone.{k}": v for k, v in backbone.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    save_tensors(outputs["selected"] / "network.safetensors", state)
    training = _head_training(inputs, dataset, head, params) if chosen == "head" else _tuned_training(inputs)
    # What the head is built from: the tuned network has the problem's own.
    fitted = read_json(inputs["head"] / "head.json")["method"] if chosen == "head" else None
    decides = decision_type(params.task)
    outs = {split: found[chosen][split] for split in splits}
    write_json(
        outputs["selected"] / "selected.json",
        {
            "chosen": chosen,
            "head": fitted,
            "metric": metric,
            "validation": scores,
            "training": training,
            "decision": dict(decides.fit(params.task, dataset.description, outs, targets, params.select)),
        },
    )
    context.tracker.tags({"selected": chosen})
    context.tracker.metrics({f"{name}.validation_{metric}": scores[name] for name in scores})
    log(f"Selected: {chosen} ({', '.join(f'{n} {s:.3f}' for n, s in scores.items())} {metric})")


def _scores(
    found: Mapping[str, Mapping[str, Array]],
    targets: Mapping[str, Targets],
    dataset: Dataset,
    params: Params,
    labels: bool,
) -> tuple[str, dict[str, float]]:
    """By which metric the networks are compared, and its value for each; without `labels`, by domains.criterion."""
    if labels:
        scores, metric = Uncalibrated(params, dataset.description), params.select.metric
        held = targets["validation"]
        return metric, {n: scores.value(metric, outs["validation"], held) for n, outs in found.items()}
    return params.domains.criterion, {
        n: _sure_and_diverse(o, targets, dataset, params) for n, o in found.items()
    }


def _signed(metric: str, score: float, dataset: Dataset, params: Params) -> float:
    if metric == params.domains.criterion:
        return score
    return Uncalibrated(params, dataset.description).metric(metric).signed(score)


def _tuned_training(inputs: Mapping[str, Path]) -> dict[str, object]:
    facts = read_json(inputs["tuned"] / "tuned.json")
    return {"overfitting": facts["overfitting"], "movement": facts["movement"]}


def _head_training(
    inputs: Mapping[str, Path], dataset: Dataset, head: nn.Module, params: Params
) -> dict[str, object]:
    """Overfitting of a head on frozen features, which do not move."""
    splits = {
        "train": learned(dataset, params.domains),
        "validation": decided(dataset, "validation", params.domains),
    }
    windows = open_features(inputs["features"]).windows
    splits = {split: rows_of(chosen, dataset.target, windows) for split, chosen in splits.items()}
    outputs, problem = _head_outputs(inputs, splits, head), network(params.task, dataset.description)
    scored: dict[str, Scored] = {}
    for split, chosen in splits.items():
        given, wanted = torch.from_numpy(outputs[split]), torch.from_numpy(problem.collate(chosen.targets))
        means = {name: float(each.mean()) for name, each in problem.scores(given, wanted).items()}
        scored[split] = (float(MeanLoss(problem)(given, wanted)), means)
    return {
        "overfitting": overfitting(scored["train"], scored["validation"]),
        "movement": {"weights_l2": 0.0, "weights_relative": 0.0, "features_cka": 1.0},
    }


def _head_network(inputs: Mapping[str, Path], params: Params) -> tuple[Backbone, nn.Module]:
    return open_checkpoint(inputs["adapted"], params)[0], load_head(inputs["head"])


def _tuned_network(
    inputs: Mapping[str, Path], dataset: Dataset, params: Params
) -> tuple[Backbone, nn.Module]:
    backbone, _ = open_checkpoint(inputs["adapted"], params)
    head = network(params.task, dataset.description).head(backbone.width)
    cut = int(str(read_json(inputs["tuned"] / "tuned.json")["cut"]))
    load_trained(inputs["tuned"] / "tuned.safetensors", backbone.above(cut), head)
    return backbone.eval(), head.eval()


def _head_outputs(
    inputs: Mapping[str, Path], sides: Mapping[str, Chosen], head: nn.Module
) -> dict[str, Array]:
    features = open_features(inputs["features"])
    with torch.inference_mode():
        return {
            side: head(torch.from_numpy(features.of(chosen.rows, chosen.numbers))).double().numpy()
            for side, chosen in sides.items()
        }


def _tuned_outputs(
    inputs: Mapping[str, Path],
    dataset: Dataset,
    sides: Mapping[str, Chosen],
    trained: tuple[Backbone, nn.Module],
    params: Params,
    context: Context,
) -> dict[str, Array]:
    cut = int(str(read_json(inputs["tuned"] / "tuned.json")["cut"]))
    frozen = frozen_part(inputs["adapted"], params, cut)
    modality = open_modality(params, inputs["adapted"])
    above = trained[0].above(cut).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = {}
    for side, chosen in sides.items():
        ids = chosen.ids
        records = stored(dataset, [(i, 0) for i in ids], frozen, modality, context, params.features.batch)
        rows = []
        with torch.inference_mode():
            for start in range(0, len(ids), params.features.batch):
                batch = records[np.arange(start, min(start + params.features.batch, len(ids)))]
                seen = to_device(torch.from_numpy(batch), CPU)
                rows.append(trained[1](above(seen)).double().numpy())
        found[side] = np.concatenate(rows)
    return found


def _sure_and_diverse(
    outputs: Mapping[str, Array], targets: Mapping[str, Targets], dataset: Dataset, params: Params
) -> float:
    """Information maximisation of calibrated answers: networks differ in how large their outputs are.

    Those of a ridge regression lie near 0 and 1, and would never look sure.
    """
    decides = decision_type(params.task)
    fitted = decides.fit(params.task, dataset.description, outputs, targets, params.select)
    answers = decides(params.task, dataset.description, fitted).answers(outputs["watched"])
    return information_maximisation(answers)
