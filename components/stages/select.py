"""select: head or tuned network, by validation data; temperature by calibration data; threshold by rule.

With `domains.criterion`, the target's validation samples choose the network, their labels unseen.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import nn

from components.backbones.base import Backbone
from components.evaluation.unlabelled import information_maximisation
from components.params import Params
from components.problems.base import Array, Targets
from components.progress import log
from components.stages.domains import Chosen, decided, learned, rows_of, watched
from components.stages.fitting import Scored, overfitting
from components.stages.line import Line
from components.stages.network import NetworkLine, load_head, load_trained, save_tensors
from components.stages.table import Context
from components.stages.uncalibrated import Uncalibrated, best, known
from components.storage.publish import read_json, write_json
from components.training.network import Network
from components.training.plan import MeanLoss
from components.training.scoring import to_device

CPU = torch.device("cpu")


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write network.safetensors (`backbone.*`, `head.*`) and selected.json."""
    line = NetworkLine(inputs, params, context)
    dataset, windows = line.dataset, line.features.windows
    networks = {"head": (line.pretrained[0], load_head(inputs["head"])), "tuned": _tuned_network(line)}
    splits = {
        split: rows_of(decided(dataset, split, params.domains), dataset.target, windows)
        for split in ("validation", "calibration")
    }
    unseen = watched(dataset, params.domains)
    if unseen is not None:
        unseen = rows_of(unseen, dataset.target, windows)
    looked_at = splits if unseen is None else splits | {"watched": unseen}
    found = {
        "head": _head_outputs(line, looked_at, networks["head"][1]),
        "tuned": _tuned_outputs(line, looked_at, networks["tuned"]),
    }
    targets = {split: chosen.targets for split, chosen in splits.items()}
    metric, scores = _scores(found, targets, line, unseen is None)
    # A tie goes to the head: the simpler network.
    names, key = tuple(found), "select.metric" if unseen is None else "domains.criterion"
    chosen = names[best(key, metric, [_signed(metric, scores[name], line) for name in names])]
    backbone, head = networks[chosen]
    state = {f"backbone.{k}": v for k, v in backbone.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    save_tensors(outputs["selected"] / "network.safetensors", state)
    training = _head_training(line, head) if chosen == "head" else _tuned_training(line)
    # What the head is built from: the tuned network has the problem's own.
    fitted = read_json(inputs["head"] / "head.json")["method"] if chosen == "head" else None
    outs = {split: found[chosen][split] for split in splits}
    write_json(
        outputs["selected"] / "selected.json",
        {
            "chosen": chosen,
            "head": fitted,
            "metric": metric,
            "validation": {name: known(score) for name, score in scores.items()},
            "training": training,
            "decision": dict(line.calibrated(outs, targets)),
        },
    )
    context.tracker.tags({"selected": chosen})
    told = {name: score for name, score in scores.items() if known(score) is not None}
    context.tracker.metrics({f"{name}.validation_{metric}": score for name, score in told.items()})
    log(f"Selected: {chosen} ({', '.join(f'{n} {s:.3f}' for n, s in scores.items())} {metric})")


def _scores(
    found: Mapping[str, Mapping[str, Array]],
    targets: Mapping[str, Targets],
    line: Line,
    labels: bool,
) -> tuple[str, dict[str, float]]:
    """By which metric the networks are compared, and its value for each; without `labels`, by domains.criterion."""
    params = line.params
    if labels:
        scores, metric = Uncalibrated(line.decision, line.judge), params.select.metric
        held = targets["validation"]
        return metric, {n: scores.value(metric, outs["validation"], held) for n, outs in found.items()}
    return params.domains.criterion, {n: _sure_and_diverse(o, targets, line) for n, o in found.items()}


def _signed(metric: str, score: float, line: Line) -> float:
    if metric == line.params.domains.criterion:
        return score
    return Uncalibrated(line.decision, line.judge).metric(metric).signed(score)


def _tuned_training(line: Line) -> dict[str, object]:
    facts = read_json(line.inputs["tuned"] / "tuned.json")
    return {"overfitting": facts["overfitting"], "movement": facts["movement"]}


def _head_training(line: NetworkLine, head: nn.Module) -> dict[str, object]:
    """Overfitting of a head on frozen features, which do not move."""
    dataset, domains, problem = line.dataset, line.params.domains, line.problem
    splits = {
        "train": learned(dataset, domains),
        "validation": decided(dataset, "validation", domains),
    }
    windows = line.features.windows
    splits = {split: rows_of(chosen, dataset.target, windows) for split, chosen in splits.items()}
    outputs = _head_outputs(line, splits, head)
    scored: dict[str, Scored] = {}
    for split, chosen in splits.items():
        given, wanted = torch.from_numpy(outputs[split]), torch.from_numpy(problem.collate(chosen.targets))
        means = {name: float(each.mean()) for name, each in problem.scores(given, wanted).items()}
        scored[split] = (float(MeanLoss(problem)(given, wanted)), means)
    return {
        "overfitting": overfitting(scored["train"], scored["validation"]),
        "movement": {"weights_l2": 0.0, "weights_relative": 0.0, "features_cka": 1.0},
    }


def _cut(line: Line) -> int:
    return int(str(read_json(line.inputs["tuned"] / "tuned.json")["cut"]))


def _tuned_network(line: NetworkLine) -> tuple[Backbone, nn.Module]:
    backbone = deepcopy(line.pretrained[0])
    head = line.problem.head(backbone.width, backbone.channels)
    load_trained(line.inputs["tuned"] / "tuned.safetensors", backbone.above(_cut(line)), head)
    return backbone, head.eval()


def _head_outputs(line: NetworkLine, sides: Mapping[str, Chosen], head: nn.Module) -> dict[str, Array]:
    with torch.inference_mode():
        return {
            side: head(torch.from_numpy(line.features.of(chosen.rows, chosen.numbers))).double().numpy()
            for side, chosen in sides.items()
        }


def _tuned_outputs(
    line: NetworkLine, sides: Mapping[str, Chosen], trained: tuple[Backbone, nn.Module]
) -> dict[str, Array]:
    cut, size = _cut(line), line.params.features.batch
    network = Network(*trained, cut).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = {}
    for side, chosen in sides.items():
        records = line.stored(line.frozen(cut), [(i, 0) for i in chosen.ids])
        rows = []
        with torch.inference_mode():
            for start in range(0, len(chosen), size):
                batch = records.named(np.arange(start, min(start + size, len(chosen))))
                seen = to_device({name: torch.from_numpy(rows) for name, rows in batch.items()}, CPU)
                rows.append(network(seen).double().numpy())
        found[side] = np.concatenate(rows)
    return found


def _sure_and_diverse(outputs: Mapping[str, Array], targets: Mapping[str, Targets], line: Line) -> float:
    """Information maximisation of calibrated answers: networks differ in how large their outputs are.

    Those of a ridge regression lie near 0 and 1, and would never look sure.
    """
    return information_maximisation(
        line.fitted(line.calibrated(outputs, targets)).answers(outputs["watched"])
    )
