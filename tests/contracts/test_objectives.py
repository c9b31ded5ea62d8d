"""Every answer to 'what is added to the loss?' does what it says, learns, resumes bit for bit, and is not shipped."""

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest
import torch
from tiny import CLASSES, SAMPLES, WIDTH, digest, killed_at, loss, make_network, make_samples, phases_of
from torch import Tensor

from components.export.onnx_file import export_module
from components.methods import OBJECTIVES, load_objectives
from components.methods.base import Objective, Shape, Start, Step, Unlabelled
from components.params import names
from components.params.objectives import ObjectivesParams
from components.training.checkpoints import Checkpoints
from components.training.freezing import fingerprint
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Outcome, Recipe, Watch

KEEP, ALIGN, CONFIDENT = get_args(names.Keep), get_args(names.Align), get_args(names.Confident)
ROLE = {
    name: role
    for role, found in (("keep", KEEP), ("align", ALIGN), ("confident", CONFIDENT))
    for name in found
    if name != "none"
}
ADVERSARIAL = {"cdan", "dann"}
SHAPE = Shape(WIDTH, CLASSES, seed=3)
RECIPE = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")


def load(name: str, **values: object) -> Objective:
    (made,) = load_objectives(ObjectivesParams.model_validate({ROLE[name]: name, **values}), SHAPE)
    return made


def batch(seed: int, shift: float = 0.0) -> Tensor:
    return make_samples(seed, shift=shift).take(np.arange(SAMPLES), 0).float()


def source() -> Iterator[tuple[Tensor, Tensor]]:
    targets = torch.from_numpy(make_samples(1).targets)
    yield from zip(batch(1).split(8), targets.split(8), strict=True)


def sure(network: Network) -> Network:
    """A network whose answers say something: there is something to keep, and something to believe."""
    with torch.no_grad():
        network.head.weight *= 20  # type: ignore[operator]
    return network


def begun(name: str, **values: object) -> tuple[Objective, Network]:
    """An objective that has seen a network with some statistics of its own."""
    objective = load(name, **values)
    network = sure(make_network(objectives=[objective]))
    network(batch(1))
    network.eval()
    objective.begin(Start(network, source))
    return objective, network


def step_of(network: Network, progress: float = 1.0) -> Step:
    """Labelled samples, and those of a target domain that lies elsewhere, on their way through."""
    labelled, beside = batch(1), batch(4, shift=1.5)
    features = network.features(torch.cat([labelled, beside]))
    logits = network.head(features)
    return Step(
        network=network,
        indices=torch.arange(SAMPLES),
        inputs=labelled,
        features=features[:SAMPLES],
        targets=torch.from_numpy(make_samples(1).targets),
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


class Fit:
    """A training of the tiny network with some objectives, after the source and beside an unlabelled target."""

    def __init__(
        self, objectives: list[Objective], folder: Path | None = None, recipe: Recipe = RECIPE
    ) -> None:
        self.network = sure(make_network(objectives=objectives))
        data = Data(make_samples(1), make_samples(2), make_samples(4, shift=1.5), make_samples(1))
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        self.loop = Loop(Job(self.network, loss, phases_of(self.network)), data, recipe, watch)

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)


def test_the_table_holds_what_params_allow() -> None:
    assert set(OBJECTIVES) == set(ROLE)
    assert len(OBJECTIVES) == 11


@pytest.mark.parametrize("name", OBJECTIVES)
def test_its_file_names_its_source(name: str) -> None:
    doc = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b", doc), "which paper?"
    assert "\n\n    " in doc, "which formula?"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_is_finite_and_its_gradient_too(name: str) -> None:
    objective, network = begun(name)
    shake(network)
    value = objective(step_of(network))
    assert value.shape == ()
    value.backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(gradient.abs().sum().item() for gradient in gradients) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_its_weight_multiplies_it(name: str) -> None:
    values = []
    for weight in (0.5, 1.5):
        objective, network = begun(name, **{f"{ROLE[name]}_weight": weight})
        shake(network)
        values.append(objective(step_of(network)).item())
    assert values[1] == pytest.approx(3 * values[0], rel=1e-5)
    assert values[0] != 0


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - ADVERSARIAL))
def test_it_falls_when_the_network_learns_it(name: str) -> None:
    objective, network = begun(name)
    shake(network)
    before = objective(step_of(network)).item()
    descend(lambda: objective(step_of(network)), list(network.trainable().values()))
    assert objective(step_of(network)).item() < before - 0.05 * abs(before)


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_its_discriminator_learns_and_the_network_confuses_it(name: str) -> None:
    objective, network = begun(name)
    untrained = objective(step_of(network)).item()
    descend(lambda: objective(step_of(network)), list(objective.parameters()))
    trained = objective(step_of(network)).item()
    assert trained < 0.8 * untrained
    # The same loss goes up when the network descends: its gradient was turned round.
    above = [p for name, p in network.trainable().items() if name.startswith("backbone.")]
    descend(lambda: objective(step_of(network)), above)
    assert objective(step_of(network)).item() > trained + 0.1


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_a_discriminator_teaches_nothing_before_the_first_step(name: str) -> None:
    objective, network = begun(name)
    objective(step_of(network, progress=0.0)).backward()
    assert all(p.grad is None or not p.grad.any() for p in network.trainable().values())
    assert all(p.grad is not None and p.grad.any() for p in objective.parameters())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_to_begin_twice_is_to_begin_once(name: str) -> None:
    objective, network = begun(name)
    again, same = begun(name)
    state = fingerprint(same.state_dict())
    again.begin(Start(same, source))
    assert fingerprint(same.state_dict()) == state
    shake(network)
    shake(same)
    assert torch.equal(objective(step_of(network)), again(step_of(same)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_learns_with_the_task_and_what_is_frozen_stays(name: str) -> None:
    fit = Fit([load(name)])
    before = {key: tensor.clone() for key, tensor in fit.network.state_dict().items()}
    outcome = fit.loop.fit()
    after = fit.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert outcome.frozen_before == outcome.frozen_after
    assert all(not key.startswith(("backbone.units.0.", "backbone.units.1.")) for key in moved)
    assert {"head.weight", *fit.network.objective_names()} <= moved
    assert outcome.best.validation_loss < outcome.history[0].validation_loss
    assert outcome.history != Fit([]).loop.fit().history, "it changed nothing"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    whole = Fit([load(name)])
    expected = whole.digest(whole.loop.fit())
    for killed in (1, 2, 3):
        folder = tmp_path / str(killed)
        first = Fit([load(name)], folder)
        killed_at(first.loop, killed * 3 + 1)  # the second step of the next epoch
        again = Fit([load(name)], folder)
        assert again.digest(again.loop.fit()) == expected, killed


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_it_brings_is_kept_while_training_and_never_shipped(name: str, tmp_path: Path) -> None:
    fit = Fit([load(name)], tmp_path)
    fit.loop.fit()
    network, bare = fit.network, make_network()
    kept = fit.loop.watch.checkpoints.latest().model  # type: ignore[union-attr]
    brought = set(network.objective_names())
    assert {key for key in kept if key.startswith("objectives.")} == brought
    assert set(kept) - brought == set(bare.above_state())
    above, head = network.backbone.above(network.cut), network.head
    assert set(above.state_dict()) == set(bare.backbone.above(bare.cut).state_dict())
    assert set(head.state_dict()) == set(bare.head.state_dict())
    assert set(network.copied().state_dict()) == set(bare.state_dict())


def test_the_export_holds_nothing_of_an_objective() -> None:
    fit = Fit([load("cdan")])
    fit.loop.fit()
    rows = batch(2)[:5]
    model = export_module(
        fit.network.eval(), (rows,), ["activations"], ["logits"], {"activations": {0: "batch"}}
    )
    parts = [tensor.name for tensor in onnx.load_from_string(model).graph.initializer]
    assert parts
    assert not any("objectives" in part for part in parts)


@pytest.mark.parametrize(("keep", "align"), [*itertools.product(KEEP, ALIGN)])
def test_all_of_them_go_together(keep: str, align: str) -> None:
    recipe = Recipe(seed=3, batch=12, precision="fp32", patience=1)
    for confident in CONFIDENT:
        params = ObjectivesParams.model_validate({"keep": keep, "align": align, "confident": confident})
        objectives = list(load_objectives(params, SHAPE))
        assert len(objectives) == sum(name != "none" for name in (keep, align, confident))
        network = make_network(objectives=objectives)
        data = Data(make_samples(1), make_samples(2), make_samples(4, shift=1.5), make_samples(1))
        outcome = Loop(Job(network, loss, phases_of(network, 1)[1:]), data, recipe, Watch()).fit()
        assert outcome.steps == 2
