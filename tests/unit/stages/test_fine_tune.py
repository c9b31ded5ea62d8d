import csv
import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file
from training_workspace import Terminating

from components.backbones.catalogue import build
from components.errors import Interrupted, ParamsError
from components.params.domains import DomainsParams
from components.stages import fine_tune, network, train_source
from components.storage.publish import sha256_tree

CUT = 14


def test_an_interrupted_run_goes_on_and_writes_the_same_bytes(workspace):
    inputs = workspace.inputs("dataset", "adapted", "features", "source")
    straight = workspace.output("tuned", "tuned-1")
    fine_tune.run(inputs, straight, workspace.params, workspace.context)
    assert list((workspace.context.cache / "training").glob("*")) == []

    outputs = workspace.output("tuned", "tuned-2")
    with pytest.raises(Interrupted):
        fine_tune.run(inputs, outputs, workspace.params, replace(workspace.context, tracker=Terminating()))
    (folder,) = (workspace.context.cache / "training").iterdir()
    assert len(list(folder.glob("*.checkpoint"))) == 2
    fine_tune.run(inputs, outputs, workspace.params, workspace.context)
    assert sha256_tree(outputs["tuned"]) == sha256_tree(straight["tuned"])
    assert not folder.exists()

    told = json.loads((outputs["tuned"] / "tuned.json").read_text())
    assert told["cut"] == CUT
    assert told["epochs_run"] == 3
    assert told["frozen_sha256_before"] == told["frozen_sha256_after"]
    with (outputs["tuned"] / "curves.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["phase"] for line in lines] == ["head", "blocks", "blocks"]
    assert list(lines[0]) == [
        "epoch",
        "phase",
        "train_loss",
        "validation_loss",
        "lr",
        "criterion",
        "validation_accuracy",
    ]
    assert float(lines[told["best_epoch"]]["validation_loss"]) == told["validation"]["loss"]

    state = load_file(outputs["tuned"] / "tuned.safetensors")
    above = {k.removeprefix("above."): v for k, v in state.items() if k.startswith("above.")}
    build("efficientnet_lite0").above(CUT).load_state_dict(above)
    assert set(state) - {f"above.{name}" for name in above} == {"head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("tune", "said"),
    [({"freeze": ("nothing",)}, "tune.freeze"), ({"method": "lora", "rank": 5000}, "tune.rank is 5000")],
)
@pytest.mark.parametrize("stage", ["fine_tune", "train_source"])
def test_what_the_method_refuses_costs_no_activation(tabled, monkeypatch, stage, tune, said):
    params = tabled.params.model_copy(
        update={
            "tune": tabled.params.tune.model_copy(update=tune),
            "domains": DomainsParams(source=("day",), target=("night",)),
        }
    )
    monkeypatch.setattr(network, "stored", None)  # computes them
    inputs = tabled.inputs("dataset", "adapted", "features", "source")
    run = {"fine_tune": fine_tune.run, "train_source": train_source.run}[stage]
    with pytest.raises(ParamsError, match=said):
        run(
            inputs,
            {"tuned": tabled.root / "tuned-4", "source": tabled.root / "source-4"},
            params,
            tabled.context,
        )


def test_more_blocks_than_there_are_is_refused(workspace):
    tune = workspace.params.tune.model_copy(update={"blocks": 17})
    params = workspace.params.model_copy(update={"tune": tune})
    inputs = workspace.inputs("dataset", "adapted", "features", "source")
    with pytest.raises(ParamsError, match="allowed: 1 to 16"):
        fine_tune.run(inputs, workspace.output("tuned", "tuned-3"), params, workspace.context)
