"""The sample store behind the frozen layers: what it lost or has damaged is computed again, with the same bytes."""

import numpy as np
import pytest
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.data.dataset import Dataset
from components.stages.frozen import Computation, Frozen, exported
from components.stages.network import open_modality
from components.stages.stored import stored


def test_damaged_and_lost_records_are_computed_again(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset.open(workspace.root / "dataset")
    modality = open_modality(workspace.params, workspace.root / "checkpoint", workspace.params.augment)
    frozen = Frozen(build("efficientnet_lite0", seed=3), "seed 3", 1)
    wanted = [(sample, view) for view in (0, 1) for sample in dataset.ids()[:9]]
    everything = np.arange(len(wanted))

    def read() -> np.ndarray:
        return stored(dataset, wanted, frozen, modality, workspace.context, 8)[everything]

    first = read()
    (space,) = frozen.spaces(modality)
    (shard,) = (workspace.context.cache / "store" / space.digest[:32]).glob("*.bin")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    np.testing.assert_array_equal(read(), first)
    assert "was damaged and has been removed. It is computed again." in capfd.readouterr().err
    shard.unlink()
    np.testing.assert_array_equal(read(), first)


def test_equal_layers_are_exported_once(workspace: Workspace) -> None:
    """Opened anew, as each stage does it: they are told by the digest of their weights."""
    dataset = Dataset.open(workspace.root / "dataset")
    modality = open_modality(workspace.params, workspace.root / "checkpoint")

    def compute(seed: int, cut: int) -> np.ndarray:
        layers = Frozen(build("efficientnet_lite0", seed=seed), f"seed {seed}", cut)
        computed = Computation(dataset, layers, modality, workspace.context, 4)
        (made,) = computed.infer(np.stack(computed.prepare(dataset.ids()[0]))).values()
        return made

    first = compute(8, 1)
    made = exported.cache_info().misses
    np.testing.assert_array_equal(compute(8, 1), first)
    assert exported.cache_info().misses == made
    assert not np.array_equal(compute(9, 1), first)
    assert compute(8, 2).shape != first.shape
