"""Without the target's labels: its samples find the best epoch, and choose between head and tuned network."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from scipy.special import softmax
from training_workspace import Terminating, Workspace, of_classes
from two_domains import two_domains

from components.data.dataset import Dataset
from components.errors import Interrupted
from components.evaluation.unlabelled import information_maximisation
from components.params import load_params
from components.problems.classification.decision.calibration import fit_temperature
from components.stages import extract_features, fine_tune, select, train_head
from components.stages.domains import decided, watched
from components.stages.features import open_features
from components.stages.line import Line
from components.stages.table import Context
from components.storage.publish import sha256_tree
from components.tracker import NullTracker

DOMAINS = {"source": ["day"], "target": ["night"], "criterion": "information_maximisation"}


@pytest.fixture(scope="module")
def line(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Features and a head of pictures by day and by night."""
    root = tmp_path_factory.mktemp("criterion")
    for name in ("adapted", "source"):
        (root / name).symlink_to(workspace.root / name)
    as_there = workspace.params.model_dump(
        mode="json", include={"seed", "task", "augment", "features", "tune"}
    )
    made = replace(workspace, root=root, params=two_domains(root, domains=DOMAINS, **as_there))
    inputs = made.inputs("dataset", "adapted")
    extract_features.run(inputs, made.output("features", "features"), made.params, made.context)
    inputs = made.inputs("dataset", "features")
    train_head.run(inputs, made.output("head", "head"), made.params, made.context)
    return made


def tune(line: Workspace, folder: str) -> Path:
    inputs = line.inputs("dataset", "adapted", "features", "source")
    out = line.output("tuned", folder)
    fine_tune.run(inputs, out, line.params, line.context)
    return out["tuned"]


@pytest.mark.slow
def test_the_best_epoch_is_that_of_the_criterion_also_after_a_kill(line: Workspace) -> None:
    whole = tune(line, "tuned")
    with (whole / "curves.csv").open() as file:
        values = [float(row["criterion"]) for row in csv.DictReader(file)]
    told = json.loads((whole / "tuned.json").read_text())
    assert len(set(values)) == len(values) > 1
    assert told["best_epoch"] == int(np.argmax(values))
    assert told["criterion"] == max(values)

    inputs = line.inputs("dataset", "adapted", "features", "source")
    killed = line.output("tuned", "killed")
    with pytest.raises(Interrupted):
        fine_tune.run(inputs, killed, line.params, replace(line.context, tracker=Terminating()))
    fine_tune.run(inputs, killed, line.params, line.context)
    assert sha256_tree(killed["tuned"]) == sha256_tree(whole)

    out = line.output("selected", "selected")
    inputs = line.inputs("dataset", "adapted", "features", "head", "tuned")
    select.run(inputs, out, line.params, line.context)
    chosen = json.loads((out["selected"] / "selected.json").read_text())
    assert chosen["metric"] == "information_maximisation"
    assert chosen["chosen"] == max(chosen["validation"], key=lambda name: chosen["validation"][name])
    unseen = watched(Dataset.open(line.root / "dataset"), line.params.domains)
    assert unseen is not None
    assert set(unseen.domains) == {"night"}
    assert set(unseen.targets) == {-1}
    head = load_file(line.root / "head" / "head.safetensors")
    features = open_features(line.root / "features")

    def outputs(rows: np.ndarray) -> np.ndarray:
        return features[rows].astype(np.float64) @ head["weight"].numpy().T + head["bias"].numpy()

    calibration = decided(Dataset.open(line.root / "dataset"), "calibration", line.params.domains)
    temperature = fit_temperature(outputs(calibration.rows), calibration.targets)
    answers = softmax(outputs(unseen.rows) / temperature, axis=1)
    assert chosen["validation"]["head"] == pytest.approx(information_maximisation(answers), abs=1e-5)


def test_networks_are_compared_by_what_they_say_and_not_by_how_large_their_logits_are() -> None:
    draw = np.random.default_rng(0)
    logits = {side: 4 * draw.normal(size=(300, 3)) for side in ("calibration", "watched")}
    noisy = logits["calibration"] + draw.gumbel(size=(300, 3))
    targets = noisy.argmax(axis=1).astype(np.int64)
    small = {side: values / 10 for side, values in logits.items()}
    params, dataset = load_params(Path("params.yaml")), of_classes("a", "b", "c")
    params = params.model_copy(update={"task": params.task.model_copy(update={"positive": None})})
    line = Line({}, params, Context(NullTracker(), Path("none"), 1, ("cpu",)), dataset)
    large, little = (
        select._sure_and_diverse(values, {"calibration": targets}, line) for values in (logits, small)
    )
    assert little == pytest.approx(large, rel=0.05)
    assert information_maximisation(softmax(small["watched"], axis=1)) < large / 4
