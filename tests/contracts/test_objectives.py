"""Every answer to 'what is added to the loss?' does what it says, learns, resumes bit for bit, and is not shipped."""

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from plugged import plugged
from tiny import (
    CLASSES,
    SAMPLES,
    SHOWN,
    WIDTH,
    Shown,
    digest,
    killed_at,
    loss,
    lower,
    make_network,
    make_samples,
    phases_of,
)
from torch import Tensor

from components.methods import OBJECTIVES, ROLES, load_objectives
from components.methods.objective import Objective, Shape, Start, Step, Unlabelled
from components.params import plugins
from components.params.objectives import ObjectivesParams
from components.training.checkpoints import Checkpoints, Epoch
from components.training.freezing import fingerprint
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Outcome, Recipe, Watch

FOREIGN = {"l1_sp": "keep"}  # of another distribution
ROLE = {name: role for role in ROLES for name in plugins.names(role)} | FOREIGN
KEEP, ALIGN, CONFIDENT = (("none", *(n for n, role in ROLE.items() if role == one)) for one in ROLES)
each = pytest.mark.parametrize("name", ROLE)
ADVERSARIAL = {"cdan", "dann"}
SHAPE = Shape(WIDTH, CLASSES, seed=3)
# Whole epochs before the kill; a text's steps take three times as long: in the middle of the second phase is enough.
KILLED = {"picture": (1, 2, 3), "text": (2,)}
both = pytest.mark.parametrize("shown", SHOWN)
RECIPE = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package of a regulariser, too."""
    with plugged(tmp_path_factory.mktemp("installed") / "extras", "extras"):
        yield


def load(name: str, **values: object) -> Objective:
    (made,) = load_objectives(ObjectivesParams.model_validate({ROLE[name]: name, **values}), SHAPE)
    return made


def batch(seed: int, shift: float = 0.0, shown: Shown = "picture") -> Tensor:
    rows = make_samples(seed, shift=shift, shown=shown).take(np.arange(SAMPLES), 0)
    return rows.float() if rows.is_floating_point() else rows


def source(shown: Shown) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
    targets = torch.from_numpy(make_samples(1, shown=shown).targets)
    return lambda: zip(batch(1, shown=shown).split(8), targets.split(8), strict=True)


def sure(network: Network) -> Network:
    """A network whose answers say something: there is something to keep, and something to believe."""
    with torch.no_grad():
        network.head.weight *= 20  # type: ignore[operator]
    return network


def begun(name: str, shown: Shown, **values: object) -> tuple[Objective, Network]:
    """An objective that has seen a network with some statistics of its own."""
    objective = load(name, **values)
    network = sure(make_network(objectives=[objective], shown=shown))
    network(batch(1, shown=shown))
    network.eval()
    objective.begin(Start(network, source(shown)))
    return objective, network


def step_of(network: Network, shown: Shown, progress: float = 1.0) -> Step:
    """Labelled samples, and those of a target domain that lies elsewhere, on their way through."""
    labelled, beside = batch(1, shown=shown), batch(4, 1.5, shown)
    features = network.features(torch.cat([labelled, beside]))
    logits = network.head(features)
    return Step(
        network=network,
        indices=torch.arange(SAMPLES),
        inputs=labelled,
        features=features[:SAMPLES],
        targets=torch.from_numpy(make_samples(1, shown=shown).targets),
        logits=logits[:SAMPLES],
        epoch=0,
        progress=progress,
        unlabelled=Unlabelled(beside, features[SAMPLES:], logits[SAMPLES:]),
    )


def shake(network: Network) -> None:
    """Move away from the start, where everything that is kept would be at its best."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.trainable().values():
            parameter += 0.3 * torch.randn(parameter.shape, generator=draw)


def descend(value: Callable[[], Tensor], parameters: list[torch.nn.Parameter], steps: int = 40) -> None:
    adam = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(steps):
        adam.zero_grad()
        value().backward()  # type: ignore[no-untyped-call]
        adam.step()


def data(shown: Shown) -> Data:
    train, validation, beside = (
        make_samples(seed, shift=shift, shown=shown) for seed, shift in ((1, 0.0), (2, 0.0), (4, 1.5))
    )
    return Data(train, validation, beside, train)


class Fit:
    """A training of a tiny network with some objectives, after the source and beside an unlabelled target."""

    def __init__(self, objectives: list[Objective], shown: Shown, folder: Path | None = None) -> None:
        self.network = sure(make_network(objectives=objectives, shown=shown))
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        job = Job(self.network, loss, phases_of(self.network, shown=shown))
        self.loop = Loop(job, data(shown), RECIPE, watch)

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)


@cache
def alone(shown: Shown) -> tuple[Epoch, ...]:
    """The curve of the main task, with nothing added."""
    return Fit([], shown).loop.fit().history


def test_the_table_holds_what_params_allow() -> None:
    assert {*OBJECTIVES, *FOREIGN} == set(ROLE)
    assert FOREIGN.keys() < {*plugins.names("keep")}
    assert len(OBJECTIVES) == 11


@each
def test_its_file_names_its_source(name: str) -> None:
    doc = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b", doc), "which paper?"
    assert "\n\n    " in doc, "which formula?"


@both
@each
def test_it_is_finite_and_its_gradient_too(name: str, shown: Shown) -> None:
    objective, network = begun(name, shown)
    shake(network)
    value = objective(step_of(network, shown))
    assert value.shape == ()
    value.backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(gradient.abs().sum().item() for gradient in gradients) > 0


@both
@each
def test_its_weight_multiplies_it(name: str, shown: Shown) -> None:
    values = []
    for weight in (0.5, 1.5):
        objective, network = begun(name, shown, **{f"{ROLE[name]}_weight": weight})
        shake(network)
        values.append(objective(step_of(network, shown)).item())
    assert values[1] == pytest.approx(3 * values[0], rel=1e-5)
    assert values[0] != 0


@both
@pytest.mark.parametrize("name", sorted(set(ROLE) - ADVERSARIAL))
def test_it_falls_when_the_network_learns_it(name: str, shown: Shown) -> None:
    objective, network = begun(name, shown)
    shake(network)
    before = objective(step_of(network, shown)).item()
    descend(lambda: objective(step_of(network, shown)), list(network.trainable().values()))
    assert objective(step_of(network, shown)).item() < before - 0.05 * abs(before)


@both
@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_its_discriminator_learns_and_the_network_confuses_it(name: str, shown: Shown) -> None:
    objective, network = begun(name, shown)
    untrained = objective(step_of(network, shown)).item()
    descend(lambda: objective(step_of(network, shown)), list(objective.parameters()))
    trained = objective(step_of(network, shown)).item()
    assert trained < 0.8 * untrained
    # The same loss goes up when the network descends: its gradient was turned round.
    above = [p for name, p in network.trainable().items() if name.startswith("backbone.")]
    descend(lambda: objective(step_of(network, shown)), above)
    assert objective(step_of(network, shown)).item() > trained + 0.1


@both
@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_a_discriminator_teaches_nothing_before_the_first_step(name: str, shown: Shown) -> None:
    objective, network = begun(name, shown)
    objective(step_of(network, shown, progress=0.0)).backward()
    assert all(p.grad is None or not p.grad.any() for p in network.trainable().values())
    assert all(p.grad is not None and p.grad.any() for p in objective.parameters())


@both
@each
def test_to_begin_twice_is_to_begin_once(name: str, shown: Shown) -> None:
    objective, network = begun(name, shown)
    again, same = begun(name, shown)
    state = fingerprint(same.state_dict())
    again.begin(Start(same, source(shown)))
    assert fingerprint(same.state_dict()) == state
    shake(network)
    shake(same)
    assert torch.equal(objective(step_of(network, shown)), again(step_of(same, shown)))


@both
@each
def test_it_learns_with_the_task_and_what_is_frozen_stays(name: str, shown: Shown) -> None:
    fit = Fit([load(name)], shown)
    before = {key: tensor.clone() for key, tensor in fit.network.state_dict().items()}
    outcome = fit.loop.fit()
    after = fit.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert outcome.frozen_before == outcome.frozen_after
    assert not any(lower(key) for key in moved)
    assert {"head.weight", *fit.network.objective_names()} <= moved
    assert outcome.best.validation_loss < outcome.history[0].validation_loss
    assert outcome.history != alone(shown), "it changed nothing"


@both
@each
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, shown: Shown, tmp_path: Path) -> None:
    whole = Fit([load(name)], shown)
    expected = whole.digest(whole.loop.fit())
    for killed in KILLED[shown]:
        folder = tmp_path / str(killed)
        first = Fit([load(name)], shown, folder)
        killed_at(first.loop, killed * 3 + 1)  # the second step of the next epoch
        again = Fit([load(name)], shown, folder)
        assert again.digest(again.loop.fit()) == expected, killed


@both
@each
def test_what_it_brings_is_kept_while_training_and_never_shipped(
    name: str, shown: Shown, tmp_path: Path
) -> None:
    fit = Fit([load(name)], shown, tmp_path)
    fit.loop.fit()
    network, bare = fit.network, make_network(shown=shown)
    kept = fit.loop.watch.checkpoints.latest().model  # type: ignore[union-attr]
    brought = set(network.objective_names())
    assert {key for key in kept if key.startswith("objectives.")} == brought
    assert set(kept) - brought == set(bare.above_state())
    above, head = network.backbone.above(network.cut), network.head
    assert set(above.state_dict()) == set(bare.backbone.above(bare.cut).state_dict())
    assert set(head.state_dict()) == set(bare.head.state_dict())
    assert set(network.copied().state_dict()) == set(bare.state_dict())


@pytest.mark.parametrize(("keep", "align"), [*itertools.product(KEEP, ALIGN)])
def test_all_of_them_go_together(keep: str, align: str) -> None:
    recipe = Recipe(seed=3, batch=12, precision="fp32", patience=1)
    for confident in CONFIDENT:
        params = ObjectivesParams.model_validate({"keep": keep, "align": align, "confident": confident})
        objectives = list(load_objectives(params, SHAPE))
        assert len(objectives) == sum(name != "none" for name in (keep, align, confident))
        network = make_network(objectives=objectives)
        outcome = Loop(Job(network, loss, phases_of(network, 1)[1:]), data("picture"), recipe, Watch()).fit()
        assert outcome.steps == 2
