"""One cell of the methods' benchmark: train in a workspace, then look at samples that nothing was chosen by.

Cells are measured on the calibration side of the target: it neither trains nor chooses the epoch, and the test side
is not read. Where the pair has a source, the source's calibration side is measured, too: what was forgotten.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.summary import Measured
from benchmarks.workspace import ROOT
from components.data.dataset import Dataset
from components.inference.bundle import Runner
from components.params import Params, load_params
from components.params.domains import DomainsParams
from components.problems import judge, network
from components.stages.domains import Chosen, decided, of_source
from components.stages.features import open_features
from components.stages.fitting import Activations
from components.stages.frozen import Frozen
from components.stages.network import load_head, load_trained, open_checkpoint, open_modality
from components.stages.table import Context
from components.storage.publish import read_json
from components.tracker import NullTracker
from components.training.network import Network, fresh_head
from components.training.scoring import predict

SIDE = "calibration"
# What a cell trains, and which of it is measured.
STAGES = {"source": "train_source", "tuned": "fine_tune", "head": "train_head", "scratch": "train_controls"}


@dataclass(frozen=True)
class Spent:
    """Core-seconds of the stage that trains, and the most memory that it held."""

    seconds: float
    mib: float


def train(space: Path, what: str) -> Spent:
    """Run the stage that makes `what` in a workspace whose data and features are there."""
    command = [sys.executable, "-m", "components", STAGES[what]]
    environment = os.environ | {"GRAFTLINE_HOME": str(ROOT / ".graftline"), "PYTHONPATH": str(ROOT)}
    log = (space / f"{what}.log").open("w")
    process = subprocess.Popen(command, cwd=space, env=environment, stdout=log, stderr=log)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    log.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(space / f'{what}.log').read_text()[-2000:]}")
    return Spent(round(used.ru_utime + used.ru_stime, 1), round(used.ru_maxrss / 1024))


def measure(space: Path, what: str, cores: int) -> tuple[int | None, dict[str, Measured]]:
    """How many numbers `what` trained, and what it decides about the target and, where there is one, the source."""
    params = load_params(space / "params.yaml")
    dataset = Dataset.open(space / "dataset")
    context = Context(NullTracker(), ROOT / ".graftline", cores, ("cpu",))
    domains = params.domains
    turned = DomainsParams(source=domains.target, target=domains.source)
    places = {
        "target": of_source(dataset, SIDE, turned) if domains.declared else decided(dataset, SIDE, domains)
    }
    if domains.declared:
        places["source"] = of_source(dataset, SIDE, domains)
    judging = judge(params.task, dataset.description)
    found: dict[str, Measured] = {}
    for place, chosen in places.items():
        probabilities = _answers(space, what, dataset, chosen, params, context)
        decisions = probabilities.argmax(axis=1)
        outcome = judging.outcome(chosen.targets, probabilities, decisions)
        found[place] = {
            "accuracy": round(judging.metrics["accuracy"].of(outcome), 4),
            "balanced_accuracy": round(judging.metrics["balanced_accuracy"].of(outcome), 4),
            "targets": _digits(chosen.targets),
            "decisions": _digits(decisions),
        }
    return _trained(space, what), found


def _digits(classes: npt.NDArray[np.int64]) -> str:
    if classes.max() > 9:
        raise ValueError("A class is kept as one digit: at most 10 classes.")
    return "".join(map(str, classes.tolist()))


def _trained(space: Path, what: str) -> int | None:
    """None of the control from scratch, whose network is another one."""
    if what == "head":
        return sum(parameter.numel() for parameter in load_head(space / "head").parameters())
    return (
        None
        if what == "scratch"
        else int(str(read_json(space / what / f"{what}.json")["trained_parameters"]))
    )


def _answers(
    space: Path, what: str, dataset: Dataset, chosen: Chosen, params: Params, context: Context
) -> npt.NDArray[np.float64]:
    """Probabilities (N, classes)."""
    modality = open_modality(params, space / "adapted")
    if what == "scratch":
        runner = Runner(space / "controls" / "scratch.onnx", context.providers, context.threads)
        rows = runner.predict((dataset.read(i) for i in chosen.ids), modality.decode)
        return np.stack(list(rows)).astype(np.float64)
    backbone, weights = open_checkpoint(space / "adapted", params)
    head = fresh_head(network(params.task, dataset.description), backbone.width, 0)
    if what == "head":
        features = torch.from_numpy(open_features(space / "features")[chosen.rows])
        with torch.inference_mode():
            logits = load_head(space / "head")(features).double()
        return np.asarray(torch.softmax(logits, dim=1).numpy())
    cut = int(str(read_json(space / what / f"{what}.json")["cut"]))
    load_trained(space / what / f"{what}.safetensors", backbone.above(cut), head)
    trained = Network(backbone, head, cut)
    samples = Activations(dataset, modality, Frozen(backbone, weights, cut), params, context).clean(chosen)
    logits = predict(trained, samples, 32, torch.device("cpu"))
    return np.asarray(torch.softmax(logits.double(), dim=1).numpy())


def merged(base: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Parameters with changes at dotted keys."""
    made: dict[str, object] = {
        key: dict(part) if isinstance(part, dict) else part for key, part in base.items()
    }
    for path, new in changes.items():
        *parents, last = path.split(".")
        section = made
        for parent in parents:
            inner = section.get(parent, {})
            section[parent] = dict(inner) if isinstance(inner, dict) else {}
            section = section[parent]  # type: ignore[assignment]
        section[last] = new
    return made
