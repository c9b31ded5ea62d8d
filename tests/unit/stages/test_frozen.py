"""The sample store behind the frozen layers: what it lost or has damaged is computed again, with the same bytes."""

import numpy as np
import pytest
import torch
from exported import digest
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.data.dataset import Dataset
from components.stages.frozen import Frozen, stored
from components.stages.network import open_task


def test_damaged_and_lost_records_are_computed_again(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset.open(workspace.root / "dataset")
    task = open_task(workspace.params, workspace.root / "checkpoint", workspace.params.augment)
    frozen = Frozen(build("efficientnet_lite0", seed=3), "seed 3", 1)
    wanted = [(sample, view) for view in (0, 1) for sample in dataset.ids()[:9]]
    everything = np.arange(len(wanted))

    def read() -> np.ndarray:
        return stored(dataset, wanted, frozen, task, workspace.context, 8)[everything]

    first = read()
    (shard,) = (workspace.context.cache / "store" / frozen.space(task).digest[:32]).glob("*.bin")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    np.testing.assert_array_equal(read(), first)
    assert "was damaged and has been removed. It is computed again." in capfd.readouterr().err
    shard.unlink()
    np.testing.assert_array_equal(read(), first)


def test_an_export_is_taken_for_that_of_an_equal_module_alone() -> None:
    """Of what these tests share, not of the stages."""

    def made() -> torch.nn.Sequential:
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))

    others = [made() for _ in range(5)]
    with torch.no_grad():
        others[0][0].bias[1] += 1
    others[1][1].running_mean[0] = 1
    others[2][1].eps = 1e-3
    others[3][0].ours = "another attribute"
    others[4].append(torch.nn.ReLU())
    assert digest(made()) == digest(made())
    assert len({digest(module) for module in [made(), *others]}) == 6
