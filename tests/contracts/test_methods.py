"""Every answer to 'what trains?' learns, respects what is frozen, and resumes bit for bit in each phase."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tiny import digest, killed_at, loss, make_backbone, make_network, make_samples

from components.export.onnx_file import export_module
from components.methods import METHODS, load_method
from components.params import names
from components.params.tuning import TuneParams
from components.runtime.sessions import open_session
from components.training.checkpoints import Checkpoints
from components.training.loop import Loop
from components.training.plan import Data, Job, Outcome, Recipe, Watch

BLOCKS = 4
TUNE = {"blocks": 2, "epochs": 5, "head_epochs": 1, "learning_rate": 0.02, "rank": 2, "alpha": 4}


class Fit:
    """A tiny network of four blocks and a training of it by one method."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        method = self.method = load_method(TuneParams.model_validate({**TUNE, "method": name}))
        self.network = make_network(BLOCKS, method.cut(make_backbone(BLOCKS).blocks))
        self.names = self.network.state_dict().keys()
        method.prepare(self.network, seed=3)
        self.phases = method.phases(self.network)
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        recipe = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")
        data = Data(make_samples(1), make_samples(2))
        self.loop = Loop(Job(self.network, loss, self.phases), data, recipe, watch)

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)


def test_the_table_holds_what_params_allow() -> None:
    assert set(METHODS) == set(get_args(names.Method))
    assert len(METHODS) == 5


@pytest.mark.parametrize("name", METHODS)
def test_phases_share_out_the_epochs_and_end_with_the_most(name: str) -> None:
    fit = Fit(name)
    assert sum(phase.epochs for phase in fit.phases) == TUNE["epochs"]
    assert fit.phases[0].trained == set(fit.network.head_names())
    for earlier, later in zip(fit.phases, fit.phases[1:], strict=False):
        assert earlier.trained <= later.trained
    below = set(fit.network.below_names())
    for phase in fit.phases:
        assert phase.epochs >= 1
        assert not phase.trained & below
        names = [name for group in phase.groups for name in group.names]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("name", METHODS)
def test_it_learns_and_what_is_frozen_stays(name: str) -> None:
    fit = Fit(name)
    before = {key: tensor.clone() for key, tensor in fit.network.state_dict().items()}
    outcome = fit.loop.fit()
    assert outcome.history[-1].train_loss < outcome.history[0].train_loss
    assert outcome.frozen_before == outcome.frozen_after
    trained = frozenset().union(*(phase.trained for phase in fit.phases))
    after = fit.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    parameters = {key for key, _ in fit.network.named_parameters()}
    assert moved & parameters <= trained
    assert {key for key in trained if key.startswith("head.")} <= moved
    if not any(phase.adapt_statistics for phase in fit.phases):
        assert moved <= trained


@pytest.mark.parametrize("name", METHODS)
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    whole = Fit(name)
    expected = whole.digest(whole.loop.fit())
    for killed in range(1, int(str(TUNE["epochs"]))):
        folder = tmp_path / str(killed)
        first = Fit(name, folder)
        killed_at(first.loop, killed * 3 + 1)  # the second step of the next epoch
        again = Fit(name, folder)
        assert again.digest(again.loop.fit()) == expected, killed


@pytest.mark.parametrize("name", METHODS)
def test_what_it_made_exports_with_parity(name: str) -> None:
    fit = Fit(name)
    fit.loop.fit()
    network = fit.network.eval()
    rows = torch.from_numpy(make_samples(2).take(np.arange(5), 0).numpy()).float()
    with torch.inference_mode():
        trained = network(rows).numpy()
    fit.method.finish(network)
    assert network.state_dict().keys() == fit.names
    model = export_module(network, (rows,), ["activations"], ["logits"], {"activations": {0: "batch"}})
    (found,) = open_session(model, ["cpu"], 1).run(None, {"activations": rows.numpy()})
    np.testing.assert_allclose(found, trained, atol=1e-5)
