"""Every answer to 'what trains?' learns, respects what is frozen, and resumes bit for bit in each phase."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.backbones.base import Backbone
from components.errors import Interrupted
from components.export.onnx_file import export_module
from components.methods import METHODS, NAMES, load_method
from components.params.learning import TuneParams
from components.runtime.sessions import open_session
from components.training.batches import Batch, Views
from components.training.checkpoints import Checkpoints
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Outcome, Recipe, Watch

SAMPLES = 24
TUNE = {"blocks": 2, "epochs": 5, "head_epochs": 1, "learning_rate": 0.02}


def unit(into: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(into, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.drop = unit(4, 6), nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.drop(self.conv(images).mean((2, 3)))
        return pooled


def loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
    return F.cross_entropy(logits, targets)


def samples(seed: int) -> Views:
    """Activations (4, 6, 6) whose mean tells the class."""
    targets = np.arange(SAMPLES, dtype=np.int64) % 2
    rows = np.random.default_rng(seed).normal(size=(SAMPLES, 4, 6, 6)) + targets[:, None, None, None]
    return Views(rows.astype(np.float16), targets, 1, seed)


class Fit:
    """A tiny network of four blocks and a training of it by one method."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        torch.manual_seed(0)
        method = load_method(TuneParams.model_validate({**TUNE, "method": name}))
        blocks = [unit(4, 4) for _ in range(4)]
        backbone = Backbone([unit(3, 4), *blocks, Pooled()], width=6)
        self.network = Network(backbone, nn.Linear(6, 2), method.cut(backbone.blocks))
        self.phases = method.phases(self.network)
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        recipe = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")
        self.loop = Loop(Job(self.network, loss, self.phases), Data(samples(1), samples(2)), recipe, watch)

    def digest(self, outcome: Outcome) -> str:
        made = hashlib.sha256(repr(outcome.history).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            made.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return made.hexdigest()


def test_the_table_holds_what_params_allow() -> None:
    assert set(METHODS) == set(TuneParams.model_fields["method"].annotation.__args__)  # type: ignore[union-attr]
    assert len(METHODS) == 4


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    whole = Fit(name)
    expected = whole.digest(whole.loop.fit())
    for killed in range(1, int(str(TUNE["epochs"]))):
        folder = tmp_path / str(killed)
        first = Fit(name, folder)
        run_step, steps = first.loop._run_step, iter(range(10**6))

        def stop(
            batch: Batch, optimiser: object, run_step=run_step, steps=steps, last=killed * 3 + 1
        ) -> float:  # type: ignore[no-untyped-def]
            if next(steps) == last:  # the second step of the next epoch
                raise Interrupted("killed")
            value: float = run_step(batch, optimiser)
            return value

        first.loop._run_step = stop  # type: ignore[method-assign]
        with pytest.raises(Interrupted):
            first.loop.fit()
        again = Fit(name, folder)
        assert again.digest(again.loop.fit()) == expected, killed


@pytest.mark.parametrize("name", NAMES)
def test_what_it_made_exports_with_parity(name: str) -> None:
    fit = Fit(name)
    fit.loop.fit()
    network = fit.network.eval()
    rows = torch.from_numpy(samples(2).take(np.arange(5), 0).numpy()).float()
    model = export_module(network, (rows,), ["activations"], ["logits"], {"activations": {0: "batch"}})
    (found,) = open_session(model, ["cpu"], 1).run(None, {"activations": rows.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(found, network(rows).numpy(), atol=1e-5)
