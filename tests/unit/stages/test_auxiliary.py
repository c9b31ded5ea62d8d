"""Auxiliary tasks from the manifest's columns: which values count, and what fine-tuning makes of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from training_workspace import Terminating, Workspace

from components.data.dataset import Dataset
from components.errors import DataError, Interrupted
from components.params import Params
from components.stages import fine_tune
from components.stages.auxiliary import columns
from components.stages.domains import decided, learned
from components.storage.publish import sha256_tree


def with_tasks(params: Params, *names: str, **values: object) -> Params:
    tasks = {"columns": list(names), **values}
    held = params.model_dump(mode="json", exclude_unset=True)
    return Params.model_validate(held | {"objectives": {"tasks": tasks}})


def made(tabled: Workspace, *names: str):
    params = with_tasks(tabled.params, *names)
    dataset = Dataset.open(tabled.root / "dataset")
    chosen = learned(dataset, params.domains)
    return dataset, chosen, columns(dataset, params, chosen, decided(dataset, "validation", params.domains))


def test_targets_are_numbers_of_the_values_of_what_is_learned_from(tabled: Workspace) -> None:
    dataset, chosen, (third, often) = made(tabled, "third", "often")
    assert (third.name, third.values) == ("third", ("a", "b", "c"))
    held = dataset.slices()["third"][chosen.rows]
    assert [third.values[number] for number in third.targets] == list(held)
    # `once` is on one sample only, and an empty cell is no value.
    assert often.values == ("x", "y")
    held = dataset.slices()["often"][chosen.rows]
    assert [number >= 0 for number in often.targets.tolist()] == [value in ("x", "y") for value in held]
    assert (often.targets.numpy() == -1).sum() == np.isin(held, ["", "once"]).sum() > 0


def test_what_is_left_out_is_said(tabled: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    made(tabled, "often")
    dataset = Dataset.open(tabled.root / "dataset")
    on_train = "once" in dataset.slices("train")["often"]
    assert ("'once'" in capsys.readouterr().err) == on_train


@pytest.mark.parametrize(("name", "words"), [("same", "leaves only 'all'"), ("number", "leaves nothing")])
def test_a_column_that_tells_nothing_apart_is_refused(tabled: Workspace, name: str, words: str) -> None:
    with pytest.raises(DataError, match=f"{name!r} {words}"):
        made(tabled, "third", name)


@pytest.mark.slow
@pytest.mark.parametrize("balance", ["fixed", "pcgrad"])
def test_fine_tuning_with_tasks_resumes_and_ships_the_main_one(
    tabled: Workspace, balance: str, tmp_path: Path
) -> None:
    params = with_tasks(tabled.params, "third", "often", balance=balance)
    inputs = tabled.inputs("dataset", "adapted", "features", "source")
    straight, killed = {"tuned": tmp_path / "1"}, {"tuned": tmp_path / "2"}
    for outputs in (straight, killed):
        outputs["tuned"].mkdir()
    fine_tune.run(inputs, straight, params, tabled.context)
    with pytest.raises(Interrupted):
        fine_tune.run(inputs, killed, params, replace(tabled.context, tracker=Terminating()))
    fine_tune.run(inputs, killed, params, tabled.context)
    assert sha256_tree(killed["tuned"]) == sha256_tree(straight["tuned"])
    told = json.loads((straight["tuned"] / "tuned.json").read_text())
    assert told["tasks"] == {"third": ["a", "b", "c"], "often": ["x", "y"]}
    assert told["frozen_sha256_before"] == told["frozen_sha256_after"]
    held = load_file(straight["tuned"] / "tuned.safetensors")
    assert {key.split(".")[0] for key in held} == {"above", "head"}
    assert not any("heads" in key for key in held)
