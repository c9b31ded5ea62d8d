"""From frozen features to the release with each kind of head: fitted, chosen, rebuilt, exported with parity."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.data.dataset import Dataset
from components.errors import DataError
from components.heads import restore
from components.heads.base import Samples
from components.params import Params
from components.problems import network
from components.stages import export_onnx, extract_features, select, train_head
from components.stages.domains import learned
from components.stages.network import load_head, load_selected

CUT = 16
TARGET = {"problem": "classification", "classes": ["dark", "light"]}


@pytest.fixture(scope="module")
def line(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with features, and a tuned network that tuning made no better: its head knows nothing."""
    root = tmp_path_factory.mktemp("heads")
    for name in ("dataset", "checkpoint", "adapted"):
        (root / name).symlink_to(workspace.root / name)
    made = replace(workspace, root=root)
    inputs = made.inputs("dataset", "adapted")
    extract_features.run(inputs, made.output("features", "features"), made.params, made.context)
    backbone = build("efficientnet_lite0")
    backbone.load_state_dict(load_file(root / "checkpoint" / "weights.safetensors"))
    state = {f"above.{name}": tensor for name, tensor in backbone.above(CUT).state_dict().items()}
    state |= {"head.weight": torch.zeros(2, backbone.width), "head.bias": torch.zeros(2)}
    (root / "tuned").mkdir()
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, root / "tuned" / "tuned.safetensors"
    )
    (root / "tuned" / "tuned.json").write_text(json.dumps({"cut": CUT}))
    return made


def with_head(params: Params, **changes: object) -> Params:
    return params.model_copy(
        update={"head": params.head.model_validate({"metric": params.head.metric, **changes})}
    )


def fit(line: Workspace, folder: str, **changes: object) -> tuple[Workspace, Path]:
    """The line with this head in its parameters, and where it was written."""
    chosen = replace(line, params=with_head(line.params, **changes))
    inputs = chosen.inputs("dataset", "features")
    train_head.run(inputs, chosen.output("head", folder), chosen.params, chosen.context)
    return chosen, chosen.root / folder


def test_logistic_regression_is_told_with_all_its_candidates(line: Workspace) -> None:
    _, folder = fit(line, "head-logistic", method="logistic", l2=[0.01, 0.1])
    told = json.loads((folder / "head.json").read_text())
    assert (told["method"], told["parameter"], told["target"]) == ("logistic", "l2", TARGET)
    assert told["chosen"] in (0.01, 0.1)
    assert [row["candidate"] for row in told["candidates"]] == [0.01, 0.1]
    with (folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in told["candidates"]]
    state = load_file(folder / "head.safetensors")
    assert {name: (tuple(t.shape), t.dtype) for name, t in state.items()} == {
        "weight": ((2, told["width"]), torch.float32),
        "bias": ((2,), torch.float32),
    }


def test_a_tie_goes_to_the_lower_loss(line: Workspace) -> None:
    _, folder = fit(line, "head-prototypes", method="prototypes", metric="accuracy")
    told = json.loads((folder / "head.json").read_text())
    assert len({row["score"] for row in told["candidates"]}) == 1
    best = min(told["candidates"], key=lambda row: row["loss"])
    assert told["chosen"] == best["candidate"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["neighbours", "random_features"])
def test_a_head_of_another_kind_is_chosen_and_rebuilt(line: Workspace, method: str) -> None:
    chosen, _ = fit(line, f"head-{method}", method=method, l2=[0.1], components=64, neighbours=[3])
    inputs = chosen.inputs("dataset", "adapted", "features", "tuned")
    inputs["head"] = chosen.root / f"head-{method}"
    out = chosen.output("selected", f"selected-{method}")
    select.run(inputs, out, chosen.params, chosen.context)
    told = json.loads((out["selected"] / "selected.json").read_text())
    assert (told["chosen"], told["head"]) == ("head", method)

    backbone = build("efficientnet_lite0")
    head = load_selected(out["selected"], backbone, network(chosen.params.task, TARGET))
    features = torch.from_numpy(np.load(chosen.root / "features" / "features.npy")[:5])
    with torch.inference_mode():
        torch.testing.assert_close(head(features), load_head(inputs["head"])(features))
    weights = load_file(chosen.root / "checkpoint" / "weights.safetensors")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in backbone.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mlp", "neighbours", "random_features"])
def test_it_is_released_with_parity(line: Workspace, method: str) -> None:
    chosen, folder = fit(
        line, f"head-release-{method}", method=method, l2=[0.1], components=64, neighbours=[3]
    )
    state = {f"head.{name}": tensor for name, tensor in load_file(folder / "head.safetensors").items()}
    weights = load_file(chosen.root / "checkpoint" / "weights.safetensors")
    state |= {f"backbone.{name}": tensor for name, tensor in weights.items()}
    selected = chosen.root / f"selected-release-{method}"
    selected.mkdir()
    save_file(state, selected / "network.safetensors")
    fitted = {"temperature": 1.3, "threshold": None, "positive": None}
    facts = {"chosen": "head", "head": method, "training": {}, "decision": fitted}
    (selected / "selected.json").write_text(json.dumps(facts))
    inputs = {**chosen.inputs("dataset", "adapted"), "selected": selected}
    out = chosen.output("release", f"release-{method}")
    export_onnx.run(inputs, out, chosen.params, chosen.context)
    parity = json.loads((out["release"] / "parity.json").read_text())
    assert set(parity) == {"fp32", "int8", "fp16"}
    assert parity["fp32"]["max_difference"] < 1e-4
    assert parity["fp32"]["changed_decisions"] == 0


def test_the_tuned_network_keeps_the_problem_s_own_head(line: Workspace) -> None:
    selected = line.root / "selected-tuned"
    selected.mkdir()
    backbone = build("efficientnet_lite0")
    state = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    state |= {"head.weight": torch.ones(2, backbone.width), "head.bias": torch.zeros(2)}
    save_file(state, selected / "network.safetensors")
    (selected / "selected.json").write_text('{"chosen": "tuned", "head": null}')
    head = load_selected(selected, backbone, network(line.params.task, TARGET))
    assert isinstance(head, torch.nn.Linear)
    assert head.weight.eq(1).all()


def test_a_class_without_training_samples_is_named(
    line: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Dataset.targets
    monkeypatch.setattr(Dataset, "targets", lambda self, side=None: np.zeros_like(whole(self, side)))
    with pytest.raises(DataError, match="On the train side, class 'light' has no labelled sample"):
        train_head.run(line.inputs("dataset", "features"), {"head": tmp_path}, line.params, line.context)


def test_a_class_whose_samples_all_weigh_nothing_is_named(line: Workspace) -> None:
    dataset = Dataset.open(line.root / "dataset")
    learns, problem = learned(dataset, line.params.domains), network(line.params.task, TARGET)
    features = np.zeros((len(learns), 3), dtype=np.float32)
    samples = Samples(features, learns.targets, problem, 1.0 - learns.targets)
    with pytest.raises(DataError, match="class 'light' has no labelled sample that counts"):
        train_head.demand_weight(samples, dataset)


def test_what_is_written_is_rebuilt_in_single_precision(line: Workspace) -> None:
    _, folder = fit(line, "head-linear", method="linear", l2=[0.1])
    assert {p.dtype for p in load_head(folder).parameters()} == {torch.float32}
    assert restore("linear", load_file(folder / "head.safetensors")).training is False
