"""Every answer to 'how do tasks share a step?' learns all tasks, resumes bit for bit, and is not shipped."""

import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
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

from components.methods import BALANCES, load_objectives, load_tasks
from components.methods.multi_task import Column, MultiTask
from components.methods.objective import Shape
from components.params import plugins
from components.params.objectives import ObjectivesParams, TasksParams
from components.stages.fitting import Fitted, write
from components.training.checkpoints import Checkpoints, Epoch
from components.training.loop import Loop
from components.training.plan import Data, Job, Outcome, Recipe, Watch
from components.training.scoring import features

# Whole epochs before the kill; a text's steps take three times as long: in the middle of the second phase is enough.
KILLED = {"picture": (1, 2, 3), "text": (2,)}
both = pytest.mark.parametrize("shown", SHOWN)
SHAPE = Shape(WIDTH, CLASSES, seed=3)
TARGETS = make_samples(1).targets
# What the features tell anyway; what they do not tell; and what only some of the samples have.
COLUMNS = (
    Column("alike", ("a", "b"), torch.from_numpy(1 - TARGETS)),
    Column("apart", ("a", "b", "c"), torch.arange(SAMPLES) // 2 % 3),
    Column("rare", ("a", "b"), torch.where(torch.arange(SAMPLES) < 8, torch.from_numpy(TARGETS), -1)),
)


def load(name: str) -> MultiTask:
    params = TasksParams.model_validate({"columns": [c.name for c in COLUMNS], "balance": name})
    made = load_tasks(params, SHAPE, COLUMNS)
    assert made is not None
    return made


class Fit:
    """A training of a tiny network with auxiliary tasks and, if asked for, an objective."""

    def __init__(
        self,
        tasks: MultiTask | None,
        folder: Path | None = None,
        align: str = "none",
        shown: Shown = "picture",
    ) -> None:
        objectives = load_objectives(ObjectivesParams.model_validate({"align": align}), SHAPE)
        self.tasks = tasks
        self.network = make_network(objectives=[*objectives, *([tasks] if tasks else [])], shown=shown)
        self.samples = make_samples(1, shown=shown)
        data = Data(self.samples, make_samples(2, shown=shown), make_samples(4, shift=1.5, shown=shown))
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        recipe = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")
        self.loop = Loop(Job(self.network, loss, phases_of(self.network, shown=shown)), data, recipe, watch)

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)

    def accuracy(self, task: int) -> float:
        assert self.tasks is not None
        seen = features(self.network, self.samples, SAMPLES, self.loop.device)
        targets = COLUMNS[task].targets
        with torch.inference_mode():
            found = self.tasks.heads[task](seen).argmax(1) == targets
        return float(found[targets >= 0].float().mean())


@cache
def alone(shown: Shown) -> tuple[Epoch, ...]:
    """The curve of the main task, with nothing added."""
    return Fit(None, shown=shown).loop.fit().history


def test_the_table_holds_what_params_allow() -> None:
    assert tuple(BALANCES) == plugins.names("balances")
    assert len(BALANCES) == 3


@pytest.mark.parametrize("name", BALANCES)
def test_its_file_says_its_formula_and_its_source(name: str) -> None:
    doc = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert "\n\n    " in doc
    assert re.search(r"\b(19|20)\d\d\b", doc)


@both
@pytest.mark.parametrize("name", BALANCES)
def test_it_learns_with_the_main_task_and_what_is_frozen_stays(name: str, shown: Shown) -> None:
    fit = Fit(load(name), shown=shown)
    before = {key: tensor.clone() for key, tensor in fit.network.state_dict().items()}
    outcome = fit.loop.fit()
    after = fit.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert outcome.frozen_before == outcome.frozen_after
    assert not any(lower(key) for key in moved)
    above = {name for name in fit.network.above_names() if not lower(name)}
    assert {"head.weight", *fit.network.objective_names(), *above} <= moved
    assert outcome.best.validation_loss < outcome.history[0].validation_loss
    assert outcome.history[-1].train_loss < outcome.history[0].train_loss
    assert fit.accuracy(0) > 0.9
    assert outcome.history != alone(shown), "it changed nothing"


def test_the_balances_differ() -> None:
    fits = [Fit(load(name)) for name in BALANCES]
    assert len({fit.digest(fit.loop.fit()) for fit in fits}) == len(BALANCES)


@both
@pytest.mark.parametrize("name", BALANCES)
@pytest.mark.parametrize("align", ["none", "dann"])
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(
    name: str, align: str, shown: Shown, tmp_path: Path
) -> None:
    whole = Fit(load(name), align=align, shown=shown)
    expected = whole.digest(whole.loop.fit())
    for killed in KILLED[shown]:
        folder = tmp_path / str(killed)
        first = Fit(load(name), folder, align, shown)
        killed_at(first.loop, killed * 3 + 1)  # the second step of the next epoch
        again = Fit(load(name), folder, align, shown)
        assert again.digest(again.loop.fit()) == expected, killed


@both
@pytest.mark.parametrize("name", BALANCES)
def test_its_heads_are_kept_while_training_and_never_shipped(name: str, shown: Shown, tmp_path: Path) -> None:
    fit = Fit(load(name), tmp_path / "unfinished", shown=shown)
    outcome = fit.loop.fit()
    kept = fit.loop.watch.checkpoints.latest().model  # type: ignore[union-attr]
    brought = {key for key in kept if key.startswith("objectives.")}
    assert brought == set(fit.network.objective_names()) > set()
    assert not any(SAMPLES in kept[key].shape for key in brought), "targets belong to the data"
    write(
        tmp_path, "tuned", fit.loop.data, Fitted(fit.network, fit.loop.job, fit.loop.device, outcome, 0), {}
    )
    bare = make_network(shown=shown)
    above, head = bare.backbone.above(bare.cut).state_dict(), bare.head.state_dict()
    assert set(load_file(tmp_path / "tuned.safetensors")) == {
        *(f"above.{key}" for key in above),
        *(f"head.{key}" for key in head),
    }


def test_pcgrad_of_tasks_that_agree_is_fixed() -> None:
    """Copies of one task pull the same way: only rounding differs, and Adam makes little of it."""
    curves = []
    for name in ("fixed", "pcgrad"):
        params = TasksParams.model_validate({"columns": ["alike"], "balance": name})
        fit = Fit(load_tasks(params, SHAPE, COLUMNS[:1]))
        fit.tasks.forward = lambda step, main, name=name: [2 * main] if name == "fixed" else [main, main]  # type: ignore[method-assign, union-attr]
        curves.append([line.validation_loss for line in fit.loop.fit().history])
    np.testing.assert_allclose(*curves, rtol=1e-3)
