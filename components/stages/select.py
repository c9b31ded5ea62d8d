"""select: head or tuned network, by validation data; temperature by calibration data; threshold by rule.

With `domains.criterion`, the target's validation samples choose the network, their labels unseen.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from components.backbones.base import Backbone
from components.data.dataset import Dataset
from components.evaluation.calibration import find_threshold, fit_temperature, negative_log_likelihood
from components.evaluation.metrics import Outcome, positive_class, signed, value
from components.evaluation.unlabelled import information_maximisation
from components.params import Params
from components.progress import log
from components.stages.domains import Chosen, decided, learned, watched
from components.stages.features import open_features
from components.stages.frozen import stored
from components.stages.network import (
    frozen_part,
    load_head,
    load_trained,
    open_checkpoint,
    open_task,
    save_tensors,
)
from components.stages.table import Context
from components.storage.publish import read_json, write_json
from components.training.scoring import to_device

Array = npt.NDArray[np.float64]
CPU = torch.device("cpu")


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write network.safetensors (`backbone.*`, `head.*`) and selected.json."""
    dataset = Dataset.open(inputs["dataset"])
    networks = {
        "head": _head_network(inputs, params),
        "tuned": _tuned_network(inputs, dataset, params),
    }
    sides = {side: decided(dataset, side, params.domains) for side in ("validation", "calibration")}
    unseen = watched(dataset, params.domains)
    looked_at = sides if unseen is None else sides | {"watched": unseen}
    logits = {
        "head": _head_logits(inputs, looked_at, networks["head"][1]),
        "tuned": _tuned_logits(inputs, dataset, looked_at, networks["tuned"], params, context),
    }
    metric = params.select.metric if unseen is None else params.domains.criterion
    targets = {side: chosen.targets for side, chosen in sides.items()}
    scores = {
        name: _score(values["validation"], targets["validation"], dataset, params)
        if unseen is None
        else _sure_and_diverse(values, targets["calibration"])
        for name, values in logits.items()
    }
    # A tie goes to the head: the simpler network.
    chosen = max(("head", "tuned"), key=lambda name: signed(metric, scores[name]))
    backbone, head = networks[chosen]
    state = {f"backbone.{k}": v for k, v in backbone.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    save_tensors(outputs["selected"] / "network.safetensors", state)
    training = _head_training(inputs, dataset, head, params) if chosen == "head" else _tuned_training(inputs)
    # What the head is built from: the tuned network has the task's own.
    fitted = read_json(inputs["head"] / "head.json")["method"] if chosen == "head" else None
    facts = _decision(logits[chosen], sides, dataset, params)
    write_json(
        outputs["selected"] / "selected.json",
        {
            "chosen": chosen,
            "head": fitted,
            "metric": metric,
            "validation": scores,
            "training": training,
            **facts,
        },
    )
    context.tracker.tags({"selected": chosen})
    context.tracker.metrics({f"{name}.validation_{metric}": scores[name] for name in scores})
    log(f"Selected: {chosen} ({', '.join(f'{n} {s:.3f}' for n, s in scores.items())} {metric})")


def _tuned_training(inputs: Mapping[str, Path]) -> dict[str, object]:
    facts = read_json(inputs["tuned"] / "tuned.json")
    return {"overfitting": facts["overfitting"], "movement": facts["movement"]}


def _head_training(
    inputs: Mapping[str, Path], dataset: Dataset, head: nn.Module, params: Params
) -> dict[str, object]:
    """Overfitting of a head on frozen features, which do not move."""
    sides = {
        "train": learned(dataset, params.domains),
        "validation": decided(dataset, "validation", params.domains),
    }
    logits = _head_logits(inputs, sides, head)
    gap = {
        f"{side}_accuracy": float((logits[side].argmax(1) == chosen.targets).mean())
        for side, chosen in sides.items()
    }
    gap |= {
        f"{side}_loss": negative_log_likelihood(logits[side], chosen.targets)
        for side, chosen in sides.items()
    }
    gap["accuracy_gap"] = gap["train_accuracy"] - gap["validation_accuracy"]
    return {
        "overfitting": gap,
        "movement": {"weights_l2": 0.0, "weights_relative": 0.0, "features_cka": 1.0},
    }


def _head_network(inputs: Mapping[str, Path], params: Params) -> tuple[Backbone, nn.Module]:
    return open_checkpoint(inputs["adapted"], params)[0], load_head(inputs["head"])


def _tuned_network(
    inputs: Mapping[str, Path], dataset: Dataset, params: Params
) -> tuple[Backbone, nn.Module]:
    backbone, _ = open_checkpoint(inputs["adapted"], params)
    head = open_task(params, inputs["adapted"]).head(backbone.width, len(dataset.classes))
    cut = int(str(read_json(inputs["tuned"] / "tuned.json")["cut"]))
    load_trained(inputs["tuned"] / "tuned.safetensors", backbone.above(cut), head)
    return backbone.eval(), head.eval()


def _head_logits(
    inputs: Mapping[str, Path], sides: Mapping[str, Chosen], head: nn.Module
) -> dict[str, Array]:
    features = open_features(inputs["features"])
    with torch.inference_mode():
        return {
            side: head(torch.from_numpy(features[chosen.rows])).double().numpy()
            for side, chosen in sides.items()
        }


def _tuned_logits(
    inputs: Mapping[str, Path],
    dataset: Dataset,
    sides: Mapping[str, Chosen],
    network: tuple[Backbone, nn.Module],
    params: Params,
    context: Context,
) -> dict[str, Array]:
    cut = int(str(read_json(inputs["tuned"] / "tuned.json")["cut"]))
    frozen = frozen_part(inputs["adapted"], params, cut)
    task = open_task(params, inputs["adapted"])
    above = network[0].above(cut).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = {}
    for side, chosen in sides.items():
        ids = chosen.ids
        records = stored(dataset, [(i, 0) for i in ids], frozen, task, context, params.features.batch)
        rows = []
        with torch.inference_mode():
            for start in range(0, len(ids), params.features.batch):
                batch = records[np.arange(start, min(start + params.features.batch, len(ids)))]
                seen = to_device(torch.from_numpy(batch), CPU)
                rows.append(network[1](above(seen)).double().numpy())
        found[side] = np.concatenate(rows)
    return found


def _score(logits: Array, targets: npt.NDArray[np.int64], dataset: Dataset, params: Params) -> float:
    probabilities = _probabilities(logits)
    positive = positive_class(params.task.positive, dataset.classes)
    outcome = Outcome(targets, probabilities, probabilities.argmax(axis=1), positive)
    return value(params.select.metric, outcome)


def _sure_and_diverse(logits: Mapping[str, Array], targets: npt.NDArray[np.int64]) -> float:
    """Information maximisation of calibrated answers: networks differ in how large their logits are.

    Those of a ridge regression lie near 0 and 1, and would never look sure.
    """
    temperature = fit_temperature(logits["calibration"], targets)
    return information_maximisation(_probabilities(logits["watched"] / temperature))


def _probabilities(logits: Array) -> Array:
    return np.asarray(torch.softmax(torch.from_numpy(logits), dim=1).numpy())


def _decision(
    logits: Mapping[str, Array], sides: Mapping[str, Chosen], dataset: Dataset, params: Params
) -> dict[str, object]:
    """Temperature on the calibration side; threshold on the validation side, after the temperature."""
    targets = sides["calibration"].targets
    temperature = fit_temperature(logits["calibration"], targets)
    threshold = None
    if params.task.positive is not None:
        index = dataset.classes.index(params.task.positive)
        cooled = _probabilities(logits["validation"] / temperature)
        is_positive = sides["validation"].targets == index
        threshold = find_threshold(cooled[:, index], is_positive, params.select.threshold)
    return {
        "temperature": temperature,
        "threshold": threshold,
        "positive": params.task.positive,
        "rule": params.select.threshold.model_dump(),
        "calibration": {
            "n": len(targets),
            "nll_before": negative_log_likelihood(logits["calibration"], targets),
            "nll_after": negative_log_likelihood(logits["calibration"], targets, temperature),
        },
    }
