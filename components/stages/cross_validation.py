"""How good a setting is, by cross-validation inside the training side.

A fold's held samples only score. What learns is split once more: a small part stops the training, and chooses
among the head's candidates, as validation samples do on the line. Activations and features come from the sample
store and features/: no frozen layer runs twice, whatever a trial changes above it.
"""

import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from torch import nn

from components.data.dataset import Dataset
from components.errors import TrainingError
from components.heads import load_head
from components.methods import load_method
from components.params import Params
from components.reporting.trials import Measured
from components.stages import fine_tune, train_head
from components.stages.artefacts import check_artefacts, require
from components.stages.auxiliary import columns
from components.stages.best_epoch import by_labels
from components.stages.domains import Chosen, learned, of_source, unlabelled, watched
from components.stages.fitting import Activations, Training, fit, recipe
from components.stages.folds import Fold, Folds, make_folds
from components.stages.network import NetworkLine
from components.stages.table import Context
from components.stages.uncalibrated import Uncalibrated
from components.stages.weights import sample_weights
from components.storage.publish import read_json
from components.training.network import Network
from components.training.plan import Data, Watch
from components.training.scoring import predict
from components.training.seeds import deterministic


class CrossValidation:
    """Settings compared on the same folds of the same training side.

    Attributes:
        metric: of `components.evaluation.metrics`.
    """

    def __init__(self, root: Path, params: Params, context: Context, folds: int, metric: str) -> None:
        """Raises DataError where so many folds cannot be made; `params` are those that no trial changes."""
        self._root = root
        self._context = context
        require(root, ["dataset"], "the comparison of settings")
        check_artefacts(root)
        self._dataset = Dataset.open(root / "dataset")
        self._folds: Folds = make_folds(self._dataset, params.domains, folds, params.seed)
        self.metric = metric

    @property
    def samples(self) -> int:
        """How many training samples are scored, once each."""
        return len(self._folds.of)

    def material(self) -> dict[str, str]:
        """What scores depend on besides parameters: digests of the data and of the checkpoint's weights."""
        provenance = read_json(self._root / "adapted" / "provenance.json")
        return {"data": self._dataset.digest, "checkpoint": str(provenance["weights_sha256"])}

    def head(self, params: Params, number: int) -> Measured:
        """Fit the head to frozen features without fold `number`, and score it there."""
        fold, metric = self._folds.parts[number], params.head.metric
        line = self._line(params)
        learn, beside = (
            self._folds.learning(chosen(self._dataset, params.domains), fold)
            for chosen in (learned, unlabelled)
        )
        stop, held = (train_head.labelled(line, self._folds.at(places)) for places in (fold.stop, fold.held))
        found, head = Uncalibrated(line.decision, line.judge), load_head(params.head, params.seed)
        with threadpool_limits(1, "blas"), deterministic(self._context.threads):
            started = time.monotonic()
            training = train_head.labelled(line, learn, sample_weights(line, learn, beside))
            train_head.demand_weight(training, self._dataset)
            states = [state for _, state in head.fits(training, stop)]
            scores = [train_head.score(head.module(state), stop, metric, found) for state in states]
            best = head.module(states[train_head.better(metric, found.metric(metric), scores)])
            seconds = time.monotonic() - started
            return self._finite(train_head.score(best, held, self.metric, found)["score"], seconds)

    def tuned(self, params: Params, number: int, name: str = "Fold") -> Measured:
        """Fine-tune without fold `number`, by the one loop, and score the network there.

        Raises ParamsError or DataError where this backbone or these data cannot be trained so, and
        TrainingError where training fails.
        """
        fold = self._folds.parts[number]
        line = self._line(params)
        samples = Activations.at(line, load_method(params.tune).cut)
        every = learned(self._dataset, params.domains, params.tune.start)
        if not number:
            samples.augmented(every)  # for all folds, in one go
        used, held = recipe(params, self._context), self._folds.at(fold.held)
        material = self._material(params, every, fold)
        with threadpool_limits(1, "blas"):
            head, spent = self._head(samples, material, name)
            tasks = columns(self._dataset, params, material.learned, material.decides)
            training = fine_tune.prepared(samples, head, material, tasks)
            fitted = fit(training, fine_tune.met(samples, material), used, Watch(name))
            outputs = predict(fitted.network, samples.clean(held), used.batch, fitted.device)
        score = Uncalibrated(line.decision, line.judge).value(
            self.metric, outputs.double().numpy(), samples.rows(held).targets
        )
        return self._finite(score, spent + fitted.outcome.seconds)

    def _line(self, params: Params) -> NetworkLine:
        return NetworkLine.of(self._root, params, self._context, self._dataset)

    def _material(self, params: Params, every: Chosen, fold: Fold) -> fine_tune.Material:
        dataset, domains, folds = self._dataset, params.domains, self._folds
        from_source = params.tune.start == "source"
        return fine_tune.Material(
            learned=folds.learning(every, fold),
            decides=folds.at(fold.stop),
            beside=folds.learning(unlabelled(dataset, domains), fold),
            before=folds.learning(of_source(dataset, "train", domains), fold) if from_source else None,
            watched=watched(dataset, domains),
        )

    def _head(self, samples: Activations, material: fine_tune.Material, name: str) -> tuple[nn.Module, float]:
        """A head to start from, and the seconds that its training took.

        With `tune.start: source`, it and the backbone learn the source first, less the fold's samples.
        """
        params, head = samples.line.params, samples.fresh_head()
        if material.before is None:
            return head, 0.0
        learn, stop = self._folds.split_off(material.before, params.seed)
        network = Network(samples.frozen.backbone, head, samples.frozen.cut)
        clean = samples.clean(stop)
        data = Data(samples.augmented(learn), clean, criterion=by_labels(clean, samples.line))
        fitted = fit(
            Training(network, samples.line.problem, load_method(params.tune)),
            data,
            recipe(params, self._context),
            Watch(f"{name}, source"),
        )
        return head, fitted.outcome.seconds

    def _finite(self, score: float, seconds: float) -> Measured:
        if not np.isfinite(score):
            raise TrainingError(f"The network's {self.metric} on held-out samples is not a number.")
        return Measured(score, seconds)
