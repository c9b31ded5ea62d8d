import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from tiny import digest, loss, make_network, make_samples, phases_of, scores, train

from components.errors import Interrupted, NonFiniteLoss, TrainingError
from components.methods.objective import Objective
from components.training.batches import Views
from components.training.checkpoints import Checkpoints
from components.training.freezing import fingerprint, frozen_state
from components.training.interrupts import CRASH_POINT
from components.training.loop import Loop
from components.training.plan import Criterion, Data, Job, Recipe, Watch
from components.training.scoring import predict

RECIPE = Recipe(seed=3, batch=8)


@pytest.fixture
def network():
    return make_network()


class Recorder:
    def __init__(self):
        self.lines = []

    def params(self, values):
        raise AssertionError

    def metrics(self, values, step=None):
        self.lines.append((step, dict(values)))

    def tags(self, values):
        raise AssertionError


def test_it_learns_and_keeps_the_best_epoch(network):
    outcome = train(network, None, RECIPE)
    assert [line.phase for line in outcome.history] == ["head", "blocks", "blocks", "blocks"]
    assert outcome.steps == 4 * 3
    assert outcome.best.validation_loss == min(line.validation_loss for line in outcome.history)
    assert outcome.best.validation_loss < outcome.history[0].validation_loss
    assert not network.training


def test_equal_seeds_give_equal_bytes_and_others_do_not(network, tmp_path):
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    digests = []
    for seed in (3, 3, 4):
        network.load_state_dict(start)
        digests.append(digest(network, train(network, None, Recipe(seed=seed, batch=8))))
    assert digests[0] == digests[1] != digests[2]


def test_killed_damaged_and_resumed_is_as_never_killed(network, tmp_path):
    straight = digest(network, train(network, None, RECIPE))
    for point in ("epoch:2", "step:11"):
        assert _run(tmp_path, point).returncode == -signal.SIGKILL
    kept = sorted(path.name for path in tmp_path.glob("*.checkpoint"))
    assert kept == ["000002.checkpoint", "000003.checkpoint"]
    newest = tmp_path / kept[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    finished = _run(tmp_path, "")
    assert finished.returncode == 0, finished.stderr
    assert "damaged" in finished.stderr
    assert finished.stdout == straight


def test_sigterm_finishes_the_step_and_the_next_run_goes_on(network, tmp_path):
    class Terminating(Views):
        def take(self, indices, epoch):
            if epoch == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().take(indices, epoch)

    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    straight = digest(network, train(network, None, RECIPE))
    network.load_state_dict(start)
    clean = make_samples(1, views=2)
    job = Job(network, loss, phases_of(network), scores=scores)
    data = Data(Terminating(clean._rows, clean.targets, views=2, seed=1), make_samples(2))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="the last whole epoch is kept"):
        Loop(job, data, RECIPE, Watch(checkpoints=Checkpoints(tmp_path))).fit()
    assert signal.getsignal(signal.SIGTERM) is before
    assert Interrupted.exit_code == 75
    network.load_state_dict(start)
    assert digest(network, train(network, tmp_path, RECIPE)) == straight


def test_what_lies_below_the_cut_and_what_a_phase_leaves_out_stays_bit_equal(network):
    below = frozen_state(network, frozenset(network.above_names() + network.head_names()))
    assert set(below) == {
        name for name in network.state_dict() if name.startswith(("backbone.units.0.", "backbone.units.1."))
    }
    before = fingerprint(below)
    above = {name: tensor.clone() for name, tensor in network.above_state().items()}
    outcome = train(network, None, RECIPE)
    assert outcome.frozen_before == outcome.frozen_after == before == fingerprint(below)
    assert all(not torch.equal(tensor, above[name]) for name, tensor in network.above_state().items())


def test_a_frozen_buffer_that_moves_is_found(network):
    norm = network.backbone.units[2][1]

    def disturb(*_):
        norm.running_mean.add_(1)

    network.backbone.units[2].register_forward_hook(disturb)
    data = Data(make_samples(1), make_samples(2))
    loop = Loop(Job(network, loss, phases_of(network)[:1]), data, RECIPE, Watch())
    with pytest.raises(TrainingError, match="Frozen layers changed while head trained"):
        loop.fit()


def test_a_poisoned_batch_stops_it_and_the_finite_checkpoint_stays(network, tmp_path):
    class Poisoned(Views):
        def take(self, indices, epoch):
            taken = super().take(indices, epoch)
            return taken * float("nan") if epoch == 2 and 5 in indices else taken

    clean = make_samples(1)
    poisoned = Poisoned(clean._rows, clean.targets)
    job = Job(network, loss, phases_of(network))
    loop = Loop(job, Data(poisoned, make_samples(2)), RECIPE, Watch(checkpoints=Checkpoints(tmp_path)))
    with pytest.raises(NonFiniteLoss, match=r"The loss is nan after step \d+ \(epoch 2\), learning rate"):
        loop.fit()
    kept = Checkpoints(tmp_path).latest()
    assert kept.counters.epochs == 2
    assert all(torch.isfinite(tensor).all() for tensor in kept.model.values())


def test_patience_ends_a_phase_and_the_tracker_hears_each_epoch(network):
    recorder = Recorder()
    twisted = make_samples(2)
    opposite = Views(twisted._rows, 1 - twisted.targets)
    job = Job(network, loss, phases_of(network, 9)[1:], scores=scores)
    outcome = Loop(
        job, Data(make_samples(1), opposite), Recipe(batch=8, patience=2), Watch(tracker=recorder)
    ).fit()
    # Learning the training labels makes the opposite labels ever less likely.
    assert len(outcome.history) == outcome.best.epoch + 3 < 9
    assert [step for step, _ in recorder.lines] == list(range(len(outcome.history)))
    assert set(recorder.lines[0][1]) == {"train_loss", "validation_loss", "validation_accuracy", "lr"}


def test_a_criterion_finds_the_best_epoch_in_place_of_the_validation_loss(network):
    found = iter([0.1, 0.3, 0.2, 0.3])
    watched = make_samples(4, shift=1.5)
    seen = []

    def measure(outputs):
        seen.append(outputs)
        return next(found)

    data = Data(make_samples(1), make_samples(2), criterion=Criterion("made up", watched, measure))
    outcome = Loop(Job(network, loss, phases_of(network)), data, RECIPE, Watch()).fit()
    assert [line.criterion for line in outcome.history] == [0.1, 0.3, 0.2, 0.3]
    # Of two that are equal, the one whose loss is lower.
    assert outcome.best == min((outcome.history[1], outcome.history[3]), key=lambda e: e.validation_loss)
    assert [(outputs.shape, outputs.dtype) for outputs in seen] == [((24, 2), np.float64)] * 4
    # What is measured is what the head gives for the watched samples, and the best epoch's network is kept.
    kept = predict(network, watched, 8, torch.device("cpu")).numpy()
    np.testing.assert_allclose(seen[outcome.best.epoch], kept, atol=1e-6)


def first_loss(objectives=(), weights=None, unlabelled=None):
    """The loss before the first step, over all samples."""
    network = make_network(objectives=objectives)
    data = Data(make_samples(1), make_samples(2), unlabelled)
    job = Job(network, loss, phases_of(network)[:1], weights)
    return Loop(job, data, Recipe(batch=24, precision="fp32"), Watch()).fit().history[0].train_loss


def test_objectives_add_to_the_loss():
    class Constant(Objective):
        def forward(self, step):
            return torch.tensor(10.0)

    assert first_loss([Constant(), Constant()]) == pytest.approx(first_loss() + 20)


def test_weights_count():
    network, samples = make_network().eval(), make_samples(1)
    with torch.no_grad():
        logits = network(samples.take(np.arange(24), 0).float())
    each = torch.nn.functional.cross_entropy(logits, torch.from_numpy(samples.targets), reduction="none")
    weights = torch.linspace(0, 2, 24)
    assert first_loss() == pytest.approx(each.mean().item(), abs=1e-6)
    assert first_loss(weights=weights) == pytest.approx((each * weights).sum().item() / 24, abs=1e-6)


def test_unlabelled_samples_stand_beside_the_labelled():
    class Watching(Objective):
        def forward(self, step):
            assert step.beside.inputs.shape == step.inputs.shape
            assert step.beside.features.shape == step.features.shape
            seen.append(step.beside.inputs.mean((1, 2, 3)))
            assert torch.equal(step.beside.logits, step.network.head(step.beside.features))
            assert 0 <= step.progress < 1
            return torch.tensor(0.0)

    seen = []
    target = make_samples(3, shift=5.0)
    first_loss([Watching()], unlabelled=target)
    (shown,) = seen
    expected = target.take(np.arange(24), 0).float().mean((1, 2, 3))
    assert torch.allclose(shown.sort().values, expected.sort().values)


def test_what_objectives_learn_is_trained_and_kept_but_not_shipped(tmp_path):
    class Slope(Objective):
        def __init__(self):
            super().__init__()
            self.slope = torch.nn.Parameter(torch.ones(1))

        def forward(self, step):
            return self.slope.square().sum()

    network = make_network(objectives=[Slope()])
    checkpoints = Checkpoints(tmp_path)
    job = Job(network, loss, phases_of(network)[:1])
    Loop(job, Data(make_samples(1), make_samples(2)), RECIPE, Watch(checkpoints=checkpoints)).fit()
    (slope,) = network.objectives.parameters()
    assert slope.item() < 1
    assert torch.equal(checkpoints.latest().model["objectives.0.slope"], slope.detach())
    assert not any(name.startswith("objectives.") for name in network.copied().state_dict())
    assert not any(name.startswith("objectives.") for name in network.trainable())


def test_running_out_of_memory_names_the_batch(network):
    class Huge(Views):
        def take(self, indices, epoch):
            return torch.empty(2**60, dtype=torch.uint8)

    clean = make_samples(1)
    job = Job(network, loss, phases_of(network))
    loop = Loop(job, Data(Huge(clean._rows, clean.targets), clean), RECIPE, Watch())
    with pytest.raises(TrainingError, match=r"batches of 8 samples\. Set tune.batch to 4"):
        loop.fit()


def test_views_are_all_shown_before_one_repeats():
    rows = np.arange(15, dtype=np.float32).reshape(15, 1)
    views = Views(rows, np.zeros(5, dtype=np.int64), views=3, seed=1)
    everyone = np.arange(5)
    shown = np.stack([views.view(everyone, epoch) for epoch in range(3)])
    assert (np.sort(shown, axis=0) == np.arange(3)[:, None]).all()
    assert len({tuple(column) for column in shown.T}) > 1
    # Row view * 5 + sample holds that very number.
    assert views.take(np.array([4]), 1).item() == shown[1, 4] * 5 + 4


def _run(folder, point):
    tests = Path(tiny.__file__).parent
    places = os.pathsep.join([str(tests.parent), str(tests)])
    environment = os.environ | {CRASH_POINT: point, "OMP_NUM_THREADS": "1", "PYTHONPATH": places}
    program = [sys.executable, "-m", "tiny", str(folder)]
    return subprocess.run(program, capture_output=True, text=True, env=environment)
