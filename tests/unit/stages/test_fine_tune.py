import csv
import json

import pytest
from safetensors.torch import load_file

from components.backbones.catalogue import build
from components.errors import ParamsError
from components.stages import fine_tune
from components.storage.publish import sha256_tree

CUT = 14


def test_two_runs_write_the_same_bytes_and_leave_nothing_behind(workspace):
    inputs = workspace.inputs("dataset", "checkpoint", "head")
    digests = []
    for folder in ("tuned-1", "tuned-2"):
        outputs = workspace.output("tuned", folder)
        fine_tune.run(inputs, outputs, workspace.params, workspace.context)
        digests.append(sha256_tree(outputs["tuned"]))
    assert digests[0] == digests[1]
    assert list((workspace.context.cache / "training").glob("*")) == []

    told = json.loads((outputs["tuned"] / "tuned.json").read_text())
    assert told["cut"] == CUT
    assert told["epochs_run"] == 3
    assert told["frozen_sha256_before"] == told["frozen_sha256_after"]
    with (outputs["tuned"] / "curves.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["phase"] for line in lines] == ["head", "blocks", "blocks"]
    assert list(lines[0]) == ["epoch", "phase", "train_loss", "validation_loss", "validation_accuracy", "lr"]
    assert float(lines[told["best_epoch"]]["validation_loss"]) == told["validation"]["loss"]


def test_the_weights_fit_the_part_above_the_cut(workspace):
    outputs = workspace.output("tuned", "tuned-3")
    inputs = workspace.inputs("dataset", "checkpoint", "head")
    fine_tune.run(inputs, outputs, workspace.params, workspace.context)
    state = load_file(outputs["tuned"] / "tuned.safetensors")
    above = {k.removeprefix("above."): v for k, v in state.items() if k.startswith("above.")}
    build("efficientnet_lite0").above(CUT).load_state_dict(above)
    assert set(state) - {f"above.{name}" for name in above} == {"head.weight", "head.bias"}


def test_more_blocks_than_there_are_is_refused(workspace):
    tune = workspace.params.tune.model_copy(update={"blocks": 17})
    params = workspace.params.model_copy(update={"tune": tune})
    inputs = workspace.inputs("dataset", "checkpoint", "head")
    with pytest.raises(ParamsError, match="allowed: 1 to 16"):
        fine_tune.run(inputs, workspace.output("tuned", "tuned-4"), params, workspace.context)
