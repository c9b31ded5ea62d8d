"""Head training, features included, against the usual way: a frozen backbone in a Trainer loop.

All three start from the data set's raw bytes and end with a fitted head; same backbone, samples, machine and run:
1. ours: features by onnxruntime through an empty sample store, then logistic regression;
2. the same with features cached by eager torch;
3. the usual way: transformers.Trainer, 10 epochs, backbone frozen and in evaluation mode.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.heads.base import Samples
from components.heads.logistic import Logistic
from components.modalities.base import Modality
from components.params import load_params
from components.problems import network
from components.stages.network import NetworkLine
from components.stages.stored import stored
from components.stages.table import Context
from components.stages.train_head import score
from components.stages.uncalibrated import Uncalibrated
from components.tracker import NullTracker


class Pictures(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Decoded and pre-processed on the fly, as a DataLoader does it."""

    def __init__(self, dataset: Dataset, side: str, modality: Modality) -> None:
        self.dataset, self.ids, self.targets = dataset, dataset.ids(side), dataset.targets(side)
        self.modality = modality
        self.preprocess = modality.preprocessor()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        array = self.modality.decode(self.dataset.read(self.ids[index]))
        with torch.inference_mode():
            pixels = self.preprocess(torch.from_numpy(array.copy())[None])[0]
        return {"pixels": pixels.clone(), "labels": torch.tensor(int(self.targets[index]))}


class Usual(nn.Module):
    def __init__(self, backbone: nn.Module, width: int) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.head = nn.Linear(width, 2)

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        self.backbone.eval()
        with torch.no_grad():
            features = self.backbone(pixels)
        logits = self.head(features)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the usual way (default 10)")
    epochs = parser.parse_args().epochs
    params = load_params(ROOT / "params.yaml")
    torch.set_num_threads(params.runtime.cores)
    opened = NetworkLine.of(ROOT, params, Context(NullTracker(), ROOT, params.runtime.cores, ["cpu"]))
    dataset, frozen, modality = opened.dataset, opened.frozen(), opened.modality
    train, validation = dataset.targets("train"), dataset.targets("validation")

    def best_of(features: np.ndarray) -> float:
        """Validation accuracy of the best logistic regression."""
        problem = network(params.task, dataset.description)
        found = Uncalibrated(params, dataset.description)
        fitted = Samples(features[: len(train)], train, problem)
        held = Samples(features[len(train) :], validation, problem)
        heads = Logistic(params.head, 0).fits(fitted, held)
        return max(round(score(Logistic.module(h), held, "accuracy", found)["score"], 4) for _, h in heads)

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        context = Context(NullTracker(), Path(cache), params.runtime.cores, ["cpu"])
        ids = [(i, 0) for side in ("train", "validation") for i in dataset.ids(side)]
        records = stored(dataset, ids, frozen, modality, context, params.features.batch)
        features = np.asarray(records[np.arange(len(ids))])
        best = best_of(features)
    ours = {"seconds": round(time.perf_counter() - started, 2), "validation_accuracy": best}

    started = time.perf_counter()
    rows = []
    for side in ("train", "validation"):
        loader = torch.utils.data.DataLoader(Pictures(dataset, side, modality), batch_size=32)
        with torch.inference_mode():
            rows += [frozen.backbone(batch["pixels"]) for batch in loader]
    eager_features = torch.cat(rows).numpy()
    best = best_of(eager_features)
    eager = {"seconds": round(time.perf_counter() - started, 2), "validation_accuracy": best}

    usual = _usual(Usual(frozen.backbone, frozen.backbone.width), dataset, modality, epochs)
    publish(
        "head",
        {
            "samples": len(train),
            "ours": ours,
            "features cached by eager torch": eager,
            f"Trainer, {epochs} epochs": usual,
            "times faster than the usual way": round(usual["seconds"] / ours["seconds"], 1),
            "times faster than eager features": round(eager["seconds"] / ours["seconds"], 1),
        },
    )


def _usual(model: Usual, dataset: Dataset, modality: Modality, epochs: int) -> dict[str, float]:
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=32,
            learning_rate=1e-3,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            dataloader_num_workers=1,
        )
        started = time.perf_counter()
        trainer = Trainer(model, arguments, train_dataset=Pictures(dataset, "train", modality))
        trainer.train()
        seconds = time.perf_counter() - started
        predicted = trainer.predict(Pictures(dataset, "validation", modality)).predictions
    accuracy = float((np.asarray(predicted).argmax(1) == dataset.targets("validation")).mean())
    return {"seconds": round(seconds, 2), "validation_accuracy": round(accuracy, 4)}


if __name__ == "__main__":
    main()
