"""Every answer to 'what trains?' learns, respects what is frozen, and resumes bit for bit in each phase."""

from pathlib import Path

import numpy as np
import pytest
import torch
from modes import Watched
from tiny import SAMPLES, SHOWN, Shown, digest, killed_at, loss, make_backbone, make_network, make_samples

from components.methods import METHODS, load_method
from components.methods.base import NORMS, unit_of
from components.params import plugins
from components.params.tuning import TuneParams
from components.training.batches import Views
from components.training.checkpoints import Checkpoints
from components.training.freezing import fingerprint
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Outcome, Recipe, Watch

BLOCKS = 4
TUNE = {"blocks": 2, "epochs": 5, "head_epochs": 1, "learning_rate": 0.02, "rank": 2, "alpha": 4}
# The units above the cut that have parameters, from the top: a text's last unit is a mean.
TOP = {"picture": (5, 4, 3), "text": (4, 3)}
# Of pictures the last unit has a dropout; of texts every layer.
DROPS = {"picture": {5}, "text": {1, 2, 3, 4}}
# Whole epochs before the kill: any but the last; of texts, which take longer, in the middle of each phase.
KILLED = {"picture": (1, 2, 3, 4), "text": (2, 4)}
each = pytest.mark.parametrize("name", METHODS)
both = pytest.mark.parametrize("shown", SHOWN)
norms = pytest.mark.parametrize("norms", ["adapt", "frozen"])


def rows(network: Network, seed: int, shown: Shown) -> Views:
    """Activations at the cut, as the store keeps them: of texts what the layers below it make of tokens."""
    samples = make_samples(seed, shown=shown)
    if shown == "picture":
        return samples
    with torch.no_grad():
        shown = samples.take(np.arange(SAMPLES), 0)
        (made,) = network.backbone.below(network.cut).eval()({"samples": shown}).values()
    return Views(made.half().numpy(), samples.targets, seed=seed)


class Fit:
    """A tiny network of four blocks and a training of it by one method."""

    def __init__(self, name: str, shown: Shown, folder: Path | None = None, **tune: object) -> None:
        method = self.method = load_method(TuneParams.model_validate({**TUNE, "method": name, **tune}))
        cut = method.cut(make_backbone(BLOCKS, shown).blocks)
        self.network = make_network(BLOCKS, cut, shown=shown)
        self.names = self.network.state_dict().keys()
        data = Data(rows(self.network, 1, shown), rows(self.network, 2, shown))
        method.prepare(self.network, seed=3)
        self.phases = method.phases(self.network)
        self.kept = Checkpoints(folder) if folder else None
        recipe = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")
        job = Job(self.network, loss, self.phases)
        self.loop = Loop(job, data, recipe, Watch("Contract", checkpoints=self.kept))

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)

    def left(self) -> tuple[str, str, list[object]]:
        """What the last epoch left for a next one: weights, the optimiser's state, where the training stands."""
        assert self.kept is not None
        found = self.kept.latest()
        assert found is not None
        counters = found.counters
        stand = [counters.phase, counters.phase_epochs, counters.waited, counters.steps, counters.history]
        return fingerprint(found.model), fingerprint(found.optimiser), stand


def test_the_table_holds_what_params_allow() -> None:
    assert tuple(METHODS) == plugins.names("methods")
    assert len(METHODS) == 5


@both
@each
def test_phases_share_out_the_epochs_and_end_with_the_most(name: str, shown: Shown) -> None:
    fit = Fit(name, shown)
    assert sum(phase.epochs for phase in fit.phases) == TUNE["epochs"]
    assert fit.phases[0].trained == set(fit.network.head_names())
    for earlier, later in zip(fit.phases, fit.phases[1:], strict=False):
        assert earlier.trained <= later.trained
    cut_off = {id(parameter) for parameter in fit.network.backbone.below(fit.network.cut).parameters()}
    below = {name for name, parameter in fit.network.named_parameters() if id(parameter) in cut_off}
    for phase in fit.phases:
        assert phase.epochs >= 1
        assert not phase.trained & below
        names = [name for group in phase.groups for name in group.names]
        assert len(names) == len(set(names))


@both
@each
def test_it_learns_and_what_is_frozen_stays(name: str, shown: Shown) -> None:
    fit = Fit(name, shown)
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


def adapting(phase: str, norms: str, shown: Shown) -> set[int]:
    """Units whose running statistics shall move in a phase: those that train in full, and nothing else."""
    if norms == "frozen" or shown == "text":  # whose norms have none
        return set()
    if phase.startswith("units "):
        return set(TOP[shown][: int(phase.split()[1])])
    return {"head": set(), "biases": set(), "lora": set()}.get(phase, set(TOP[shown]))


@norms
@both
@each
def test_norms_and_dropouts_are_in_the_mode_that_the_phase_asks_for(
    name: str, shown: Shown, norms: str
) -> None:
    fit = Fit(name, shown, norms=norms)
    watched = Watched(fit.loop)
    before = {key: tensor.clone() for key, tensor in fit.network.state_dict().items()}
    best = fit.loop.fit().best
    assert [modes.phase for modes in watched.epochs.values()] == [
        phase.name for phase in fit.phases for _ in range(phase.epochs)
    ]
    for number, modes in watched.epochs.items():
        (phase,) = (phase for phase in fit.phases if phase.name == modes.phase)
        units = {unit_of(key) for key in phase.trained if key.startswith("backbone.")}
        assert modes.learns == phase.trained, number
        assert modes.batch == modes.moved == adapting(modes.phase, norms, shown), number
        assert modes.drops == units & DROPS[shown], number
    after = fit.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    statistics = {key for key in moved if "running_" in key or "num_batches" in key}
    assert {unit_of(key) for key in statistics} == adapting(best.phase, norms, shown)
    if norms == "frozen":
        paths = [path for path, module in fit.network.named_modules() if isinstance(module, NORMS)]
        assert not {key for key in moved if key.rpartition(".")[0] in paths}, "scales and shifts, too"


@both
@each
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, shown: Shown, tmp_path: Path) -> None:
    whole = Fit(name, shown, tmp_path / "whole")
    watched = Watched(whole.loop)
    expected, left = whole.digest(whole.loop.fit()), whole.left()
    for killed in KILLED[shown]:
        folder = tmp_path / str(killed)
        first = Fit(name, shown, folder)
        killed_at(first.loop, killed * 3 + 1)  # the second step of the next epoch
        again = Fit(name, shown, folder)
        resumed = Watched(again.loop)
        torch.manual_seed(killed)  # nothing may follow from what another process left behind
        assert again.digest(again.loop.fit()) == expected, killed
        assert again.left() == left, killed
        assert resumed.epochs == {number: m for number, m in watched.epochs.items() if number >= killed}
        assert resumed.numbers == {number: s for number, s in watched.numbers.items() if number >= killed}
