"""Out of memory: one more attempt with half a batch at once, said and recorded; never a third."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CLASSES, SAMPLES, WIDTH, loss, make_network, make_samples, phases_of

from components.errors import OutOfMemory, TrainingError
from components.methods import OBJECTIVES, load_tasks
from components.methods.multi_task import Column
from components.methods.objective import Objective, Shape
from components.params.objectives import ObjectivesParams, TasksParams
from components.tracker import Value
from components.training.accumulating import fit_in_memory, pieces
from components.training.batches import Batch
from components.training.checkpoints import Checkpoints
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Recipe, Watch

RECIPE = Recipe(seed=3, batch=8, precision="fp32")


class Recorder:
    """A tracker that remembers tags."""

    def __init__(self) -> None:
        self.heard: dict[str, str] = {}

    def params(self, values: "dict[str, Value]") -> None: ...

    def metrics(self, values: "dict[str, float]", step: int | None = None) -> None: ...

    def tags(self, values: "dict[str, str]") -> None:
        self.heard |= values


def class_of(name: str) -> type[Objective]:
    return OBJECTIVES[name].load()


def loop_of(network: Network, phases: slice = slice(None), watch: Watch | None = None) -> Loop:
    data = Data(make_samples(1, views=2), make_samples(2))
    return Loop(Job(network, loss, phases_of(network)[phases]), data, RECIPE, watch or Watch())


def holding(most: Callable[[], int], network: Network) -> Network:
    """The network on a machine whose memory holds `most()` samples that are learned from; `sizes` went in."""

    def allocate(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled() and len(inputs[0]) > most():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    network.head.register_forward_pre_hook(allocate)
    return network


def test_half_a_batch_at_once_is_the_same_training_where_nothing_looks_at_the_batch() -> None:
    """The head alone: no norm moves, and nothing is dropped."""
    whole, parts = make_network(), holding(lambda: 4, make_network())
    plain = fit_in_memory(loop_of(whole, slice(1)))
    recorder = Recorder()
    sparing = fit_in_memory(loop_of(parts, slice(1), Watch(tracker=recorder)))
    assert (plain.micro_batch, plain.notes) == (0, {})
    assert (sparing.micro_batch, sparing.notes) == (4, {"micro_batch": 4})
    assert recorder.heard == {"memory": "ran out; micro-batches of 4"}
    assert sparing.steps == plain.steps
    for one, other in zip(whole.head.parameters(), parts.head.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    assert sparing.history[0].train_loss == pytest.approx(plain.history[0].train_loss, abs=1e-6)


def test_it_begins_again_where_it_began_or_at_the_last_whole_epoch(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    straight = fit_in_memory(loop_of(holding(lambda: 4, make_network())))
    assert [line.phase for line in straight.history] == ["head", "blocks", "blocks", "blocks"]
    assert "Memory ran out with batches of 8 samples. Once more, with 4 at once" in capsys.readouterr().err
    checkpoints = Checkpoints(tmp_path)

    def shrinking() -> int:
        found = checkpoints.latest()
        return 8 if found is None or found.counters.epochs < 2 else 4

    late = fit_in_memory(loop_of(holding(shrinking, make_network()), watch=Watch(checkpoints=checkpoints)))
    assert late.micro_batch == 4
    assert len(late.history) == 4
    whole = fit_in_memory(loop_of(make_network()))
    assert late.history[:2] == whole.history[:2]
    assert late.history[2:] != whole.history[2:]


def test_there_is_no_third_attempt() -> None:
    attempts = []

    def most() -> int:
        attempts.append(1)
        return 0

    with pytest.raises(
        OutOfMemory, match=r"batches of 8 samples, and again with 4 of them .* tune\.batch to 2"
    ):
        fit_in_memory(loop_of(holding(most, make_network())))
    assert len(attempts) == 2
    assert OutOfMemory.exit_code == TrainingError.exit_code == 16


SHAPE = Shape(WIDTH, CLASSES, seed=5)
CUT = [name for name in OBJECTIVES if not class_of(name).whole_batch]


def with_objective(name: str) -> tuple[Network, Loop]:
    """The head's phase alone: nothing is dropped, and no norm moves."""
    network = make_network(objectives=[class_of(name)(ObjectivesParams(), SHAPE)])
    data = Data(make_samples(1, views=2), make_samples(2), make_samples(3, shift=1.0), make_samples(4))
    return network, Loop(Job(network, loss, phases_of(network)[:1]), data, RECIPE, Watch())


def test_means_over_samples_and_functions_of_weights_are_cut() -> None:
    assert CUT == ["distillation", "ewc", "l2_sp", "cdan", "dann", "entropy", "pseudo_labels"]


@pytest.mark.parametrize("name", CUT)
def test_with_such_an_objective_and_unlabelled_samples_it_is_the_same_training(name: str) -> None:
    (whole, plain), (parts, sparing) = with_objective(name), with_objective(name)
    before = fit_in_memory(plain)
    holding(lambda: 2 * 4, parts)  # labelled and unlabelled samples go through together
    after = fit_in_memory(sparing)
    assert (before.micro_batch, after.micro_batch) == (0, 4)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    assert after.history[0].train_loss == pytest.approx(before.history[0].train_loss, abs=1e-5)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - set(CUT)))
def test_what_compares_the_samples_of_a_batch_is_not_cut_and_named(name: str) -> None:
    network, loop = with_objective(name)
    holding(lambda: 8, network)
    with pytest.raises(
        OutOfMemory, match=rf"8 samples\. They cannot be taken in parts: .* {name} .* Set tune\.batch to 4"
    ):
        fit_in_memory(loop)


def test_nor_are_auxiliary_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    column = Column("place", ("a", "b"), torch.arange(SAMPLES) % 2)
    tasks = load_tasks(TasksParams(columns=("place",)), SHAPE, [column])
    assert tasks
    network = holding(lambda: 4, make_network())
    network.objectives.append(tasks)
    with pytest.raises(OutOfMemory, match=r"in parts: objectives\.tasks would be another loss"):
        fit_in_memory(loop_of(network))
    assert "Once more" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("megabytes", "confident", "said"),
    [
        (900, "entropy", "micro_batch 0"),
        (360, "entropy", "micro_batch 4"),
        (
            360,
            "mcc",
            r"8 samples\. They cannot be taken in parts: the objective mcc .* Set tune\.batch to 4 .*",
        ),
        (150, "entropy", r"8 samples, and again with 4 of them at once\. Set tune\.batch to 2 .*"),
    ],
)
def test_where_the_system_gives_no_more_memory(megabytes: int, confident: str, said: str) -> None:
    """A real limit on the address space: the second attempt finds what the first one has left it."""
    words = [sys.executable, "-P", str(Path(__file__).with_name("starved.py")), str(megabytes), confident]
    root = Path(__file__).parents[3]
    path = os.pathsep.join(map(str, (root, root / "tests")))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert re.search(said + "$", done.stdout), done.stdout + done.stderr


def test_other_errors_are_not_retried() -> None:
    network = make_network()

    def fail(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        raise RuntimeError("a size does not fit")

    network.head.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="a size does not fit"):
        fit_in_memory(loop_of(network))


def test_pieces_hold_every_sample_once() -> None:
    batch = Batch(np.arange(7), torch.arange(14).reshape(7, 2), torch.arange(7))
    cut = list(pieces(batch, 3))
    assert [len(piece.targets) for piece in cut] == [3, 3, 1]
    assert torch.equal(torch.cat([piece.inputs for piece in cut]), batch.inputs)
    assert np.concatenate([piece.indices for piece in cut]).tolist() == list(range(7))
