"""What follows training: fine-tuning for a target whose labels nobody has seen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_workspace import Terminating, Workspace

from components.errors import DataError, Interrupted
from components.params import Params
from components.stages import fine_tune
from components.storage.publish import sha256_tree

DOMAINS = {"source": ["day"], "target": ["night"]}


def with_then(params: Params, name: str, **sections: object) -> Params:
    held = params.model_dump(mode="json", exclude_unset=True)
    return Params.model_validate(
        held | {"domains": DOMAINS, "tune": {**held["tune"], "then": name}} | sections
    )


def tuned(place: Path, tabled: Workspace, params: Params) -> Path:
    place.mkdir()
    inputs = tabled.inputs("dataset", "adapted", "features", "source")
    fine_tune.run(inputs, {"tuned": place}, params, tabled.context)
    return place


@pytest.mark.slow
def test_it_changes_norms_alone_and_what_is_told_is_of_the_changed_network(
    tabled: Workspace, tmp_path: Path
) -> None:
    plain = tuned(tmp_path / "none", tabled, with_then(tabled.params, "none"))
    before, told = load_file(plain / "tuned.safetensors"), json.loads((plain / "tuned.json").read_text())
    for name in ("adabn", "tent"):
        folder = tuned(tmp_path / name, tabled, with_then(tabled.params, name))
        after = load_file(folder / "tuned.safetensors")
        assert set(after) == set(before)
        changed = {key for key, tensor in after.items() if not torch.equal(before[key], tensor)}
        wanted = (
            "running_mean",
            "running_var",
            *(("weight", "bias", "num_batches_tracked") if name == "tent" else ()),
        )
        assert changed
        assert all(".norm." in key and key.endswith(wanted) for key in changed)
        now = json.loads((folder / "tuned.json").read_text())
        assert now["then"] == name
        assert now["validation"] == told["validation"], "of the training, which is the same"
        assert now["overfitting"] != told["overfitting"]
        assert now["movement"]["features_cka"] != told["movement"]["features_cka"]


@pytest.mark.slow
def test_an_interrupted_one_ends_with_the_same_bytes(tabled: Workspace, tmp_path: Path) -> None:
    params = with_then(tabled.params, "tent")
    straight = tuned(tmp_path / "straight", tabled, params)
    killed = {"tuned": tmp_path / "killed"}
    killed["tuned"].mkdir()
    inputs = tabled.inputs("dataset", "adapted", "features", "source")
    with pytest.raises(Interrupted):
        fine_tune.run(inputs, killed, params, replace(tabled.context, tracker=Terminating()))
    fine_tune.run(inputs, killed, params, tabled.context)
    assert sha256_tree(killed["tuned"]) == sha256_tree(straight)


def test_without_a_single_unlabelled_sample_it_says_so(workspace: Workspace, tmp_path: Path) -> None:
    held = workspace.params.model_dump(mode="json", exclude_unset=True)
    held["data"] |= {"labels": {"unlabelled": ""}}
    params = Params.model_validate(held | {"tune": {**held["tune"], "then": "adabn"}})
    with pytest.raises(
        DataError, match=r"tune\.then asks for unlabelled samples, and the training side holds none"
    ):
        tuned(tmp_path / "tuned", workspace, params)
