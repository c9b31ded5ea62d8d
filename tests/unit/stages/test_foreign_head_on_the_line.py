"""A head and a regulariser of another distribution, from frozen features to a release that does without them."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from plugged import plugged
from training_workspace import Workspace

from components.errors import ParamsError
from components.inference.bundle import open_bundle
from components.params import Params, load_operation, load_params, plugins
from components.params.scoring import read_job
from components.registry.runs import begin_run
from components.stages import export_onnx, extract_features, fine_tune, select, train_head
from components.stages.score import Scoring


def chosen(params: Params) -> Params:
    """With both; fine-tuning learns next to nothing, so that the head is selected."""
    head = {"method": "nearest_mean", "temperatures": [0.05, 0.5], "metric": "accuracy"}
    objectives = {"keep": "l1_sp", "new_share": 0.5}
    tune = params.tune.model_copy(update={"epochs": 2, "learning_rate": 1e-9})
    return params.model_copy(
        update={
            "head": params.head.model_validate(head),
            "objectives": params.objectives.model_validate(objectives),
            "tune": tune,
        }
    )


def released(line: Workspace) -> None:
    """All stages from features to the release."""
    for name, run, names in (
        ("features", extract_features.run, ("dataset", "adapted")),
        ("head", train_head.run, ("dataset", "features")),
        ("tuned", fine_tune.run, ("dataset", "adapted", "features", "source")),
        ("selected", select.run, ("dataset", "adapted", "features", "head", "tuned")),
        ("release", export_onnx.run, ("dataset", "adapted", "selected")),
    ):
        run(line.inputs(*names), line.output(name, name), line.params, line.context)


@pytest.mark.slow
def test_what_they_made_is_released_with_parity_and_scored_where_they_are_not_installed(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = tmp_path / "line"
    root.mkdir()
    for name in ("dataset", "adapted", "source"):
        (root / name).symlink_to(workspace.root / name)
    with plugged(tmp_path / "installed", "extras"):
        released(replace(workspace, root=root, params=chosen(workspace.params)))
    head = json.loads((root / "head" / "head.json").read_text())
    assert (head["method"], head["parameter"]) == ("nearest_mean", "temperature")
    assert [row["candidate"] for row in head["candidates"]] == [0.05, 0.5]
    selected = json.loads((root / "selected" / "selected.json").read_text())
    assert (selected["chosen"], selected["head"]) == ("head", "nearest_mean")
    parity = json.loads((root / "release" / "parity.json").read_text())["fp32"]
    assert parity["max_difference"] < 1e-4
    assert parity["changed_decisions"] == 0

    assert "nearest_mean" not in plugins.names("heads")
    written = {"head": {"method": "nearest_mean", "temperatures": [0.05, 0.5]}, "tracking": {"model": "m"}}
    (root / "params.yaml").write_text(yaml.safe_dump(written))
    with pytest.raises(ParamsError, match=r"head\.method: 'nearest_mean' is not allowed"):
        load_params(root / "params.yaml")
    pictures = workspace.root / "pictures"
    job = read_job({"input": str(pictures), "bundle": "release", "output": str(root / "scored")})
    scoring = Scoring(root, load_operation(root / "params.yaml"), job, begin_run(root, "scoring", {}))
    count = len([*pictures.rglob("*.png")])
    assert (scoring.score().rows, scoring.score().unreadable) == (count, 0)
    rows = pq.read_table(next((root / "scored").glob("part-*.parquet"))).to_pydict()
    right = [name.startswith(f"{said}/") for name, said in zip(rows["id"], rows["decision"], strict=True)]
    assert sum(right) > 0.8 * count
    assert open_bundle(root / "release").contract.target["classes"] == ["dark", "light"]
