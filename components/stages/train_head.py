"""train_head: logistic regression on frozen features; validation data choose its regularisation.

Source: multinomial logistic regression with an L2 penalty (Bishop, Pattern Recognition, 2006, section 4.3.4).
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from components.data.dataset import Dataset
from components.evaluation.metrics import Outcome, positive_class, signed, value
from components.params import Params
from components.progress import log, progress
from components.stages.domains import decided, learned
from components.stages.network import save_tensors
from components.stages.table import Context
from components.storage.publish import write_bytes, write_json

Array = npt.NDArray[np.float64]
Head = tuple[Array, Array]


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write head.safetensors: weight (classes, width), bias (classes,), head.json and curves.csv."""
    dataset = Dataset.open(inputs["dataset"])
    features = np.load(inputs["features"] / "features.npy", mmap_mode="r")
    chosen, held = learned(dataset, params.domains), decided(dataset, "validation", params.domains)
    train, validation = features[chosen.rows], features[held.rows]
    targets = chosen.targets, held.targets
    heads = [fit(train, targets[0], l2, params.seed) for l2 in progress(params.head.l2, "Head", "L2")]
    positive = positive_class(params.task.positive, dataset.classes)
    scores = [score(head, validation, targets[1], params.head.metric, positive) for head in heads]
    # A tie goes to the lower loss: metrics of few samples are coarse.
    best = max(
        range(len(heads)), key=lambda i: (signed(params.head.metric, scores[i]["score"]), -scores[i]["loss"])
    )
    weight, bias = heads[best]
    folder = outputs["head"]
    save_tensors(
        folder / "head.safetensors",
        {"weight": torch.from_numpy(weight).float(), "bias": torch.from_numpy(bias).float()},
    )
    candidates = [{"l2": l2, **values} for l2, values in zip(params.head.l2, scores, strict=True)]
    write_json(
        folder / "head.json",
        {
            "l2": params.head.l2[best],
            "metric": params.head.metric,
            "candidates": candidates,
            "classes": list(dataset.classes),
            "width": weight.shape[1],
        },
    )
    write_bytes(folder / "curves.csv", _csv(candidates).encode())
    context.tracker.params({"head.l2": params.head.l2[best]})
    context.tracker.metrics({f"head.validation_{params.head.metric}": scores[best]["score"]})
    log(f"Head: L2 {params.head.l2[best]:g}, validation {params.head.metric} {scores[best]['score']:.3f}")


def fit(features: Array, targets: npt.NDArray[np.int64], l2: float, seed: int) -> Head:
    """Minimise mean cross-entropy + l2/2·‖w‖² on centred features of unit variance on average.

    One scale for all features, not one each: a feature that hardly ever fires would get a huge weight, which
    counts on the first sample in which it does fire.

    Args:
        features: (N, width). targets: (N,), class indices.

    Returns:
        weight (classes, width) and bias (classes,) for *unscaled* features.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(features.std(dtype=np.float64)) or 1.0
    model = LogisticRegression(C=1 / (l2 * len(features)), max_iter=1000, random_state=seed)
    model.fit((features - mean) / scale, targets)
    weight = np.asarray(model.coef_) / scale
    bias = np.asarray(model.intercept_) - weight @ mean
    if len(weight) == 1:  # two classes: one log-odds, shared evenly between two logits
        return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias


def score(
    head: Head, features: Array, targets: npt.NDArray[np.int64], metric: str, positive: int = 1
) -> dict[str, float]:
    """The metric (`score`) and the cross-entropy (`loss`) of a head."""
    logits = torch.from_numpy(features @ head[0].T + head[1])
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets))
    probabilities = torch.softmax(logits, dim=1).numpy()
    outcome = Outcome(targets, probabilities, probabilities.argmax(axis=1), positive)
    return {"score": value(metric, outcome), "loss": float(loss)}


def _csv(candidates: list[dict[str, float]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["l2", "score", "loss"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(candidates)
    return out.getvalue()
