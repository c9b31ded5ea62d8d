"""The line as stages see it: nothing is opened that nobody asks for, and everything once."""

import pytest
from training_workspace import Workspace

from components.data.dataset import Dataset
from components.stages.line import Line
from components.stages.network import NetworkLine


def test_each_part_is_opened_once(workspace: Workspace) -> None:
    inputs = workspace.inputs("dataset", "adapted")
    line = NetworkLine(inputs, workspace.params, workspace.context)
    for name in ("dataset", "modality", "augmented", "pretrained", "problem", "decision", "judge"):
        assert getattr(line, name) is getattr(line, name), name
    assert line.frozen(1).backbone is line.frozen().backbone
    assert (len(line.modality.views), len(line.augmented.views)) == (1, workspace.params.augment.views)


def test_nothing_is_opened_that_nobody_asks_for(workspace: Workspace) -> None:
    line = NetworkLine({}, workspace.params, workspace.context)
    with pytest.raises(KeyError, match="dataset"):
        _ = line.judge
    with pytest.raises(KeyError, match="checkpoint"):
        _ = line.modality


def test_the_checkpoint_is_the_adapted_one_where_a_stage_reads_it(workspace: Workspace) -> None:
    both = NetworkLine.of(workspace.root, workspace.params, workspace.context)
    assert both.checkpoint == workspace.root / "adapted"
    fetched = NetworkLine(workspace.inputs("checkpoint"), workspace.params, workspace.context)
    assert fetched.checkpoint == workspace.root / "checkpoint"


def test_a_dataset_that_is_open_is_not_opened_again(workspace: Workspace) -> None:
    dataset = Dataset.open(workspace.root / "dataset")
    assert Line({}, workspace.params, workspace.context, dataset).dataset is dataset
