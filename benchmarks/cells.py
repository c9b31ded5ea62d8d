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
from components.inference.assembly import Assembly
from components.inference.bundle import Runner
from components.params import load_params
from components.params.domains import DomainsParams
from components.stages.domains import Chosen, decided, of_source
from components.stages.fitting import Activations
from components.stages.network import NetworkLine, load_head, load_trained
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
    line = NetworkLine.of(space, params, Context(NullTracker(), ROOT / ".graftline", cores, ("cpu",)))
    dataset = line.dataset
    domains = params.domains
    turned = DomainsParams(source=domains.target, target=domains.source)
    places = {
        "target": of_source(dataset, SIDE, turned) if domains.declared else decided(dataset, SIDE, domains)
    }
    if domains.declared:
        places["source"] = of_source(dataset, SIDE, domains)
    judging = line.judge
    found: dict[str, Measured] = {}
    for place, chosen in places.items():
        probabilities = _answers(line, what, chosen)
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


def _answers(line: NetworkLine, what: str, chosen: Chosen) -> npt.NDArray[np.float64]:
    """Probabilities (N, classes)."""
    context = line.context
    if what == "scratch":
        runner = Runner(line.inputs["controls"] / "scratch.onnx", context.providers, context.threads)
        assembly = Assembly(line.modality, line.decision)
        rows = runner.rows((line.dataset.read(i) for i in chosen.ids), assembly.windows)
        return np.stack([answers[0] for answers, _ in rows]).astype(np.float64)
    place = line.inputs[what]
    if what == "head":
        features = torch.from_numpy(line.features[chosen.rows])
        with torch.inference_mode():
            logits = load_head(place)(features).double()
        return np.asarray(torch.softmax(logits, dim=1).numpy())
    cut, backbone = int(str(read_json(place / f"{what}.json")["cut"])), line.pretrained[0]
    samples = Activations.at(line, lambda _: cut)
    stored, head = samples.clean(chosen), fresh_head(line.problem, backbone.width, 0)
    load_trained(place / f"{what}.safetensors", backbone.above(cut), head)
    logits = predict(Network(backbone, head, cut), stored, 32, torch.device("cpu"))
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
