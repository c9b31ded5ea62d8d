import math

import numpy as np
import pytest
import torch
from tiny import make_network, make_samples, phases_of

from components.training.batches import consecutive, prefetch
from components.training.memory import naming_the_batch
from components.training.optimiser import Optimiser
from components.training.precision import cpu_flags, resolve
from components.training.schedules import constant, cosine, one_cycle
from components.training.seeds import batches, deterministic


def test_schedules_follow_their_formulas():
    assert one_cycle(0) == pytest.approx(1 / 25)
    assert one_cycle(0.15) == pytest.approx((1 + 1 / 25) / 2)
    assert one_cycle(0.3) == pytest.approx(1)
    assert one_cycle(0.65) == pytest.approx((1 + 1 / 250_000) / 2)
    assert one_cycle(1) == pytest.approx(1 / 250_000)
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert constant(0.7) == 1


def test_one_cycle_is_torch_s_own():
    weight = torch.nn.Parameter(torch.zeros(1))
    adam = torch.optim.AdamW([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(adam, 1.0, total_steps=11, cycle_momentum=False)
    for step in range(11):
        # Torch puts the top at step 0.3 * 11 - 1 = 2.3 of 10, hence the other share before it.
        share = step / 10
        ours = one_cycle(share * 0.3 / 0.23 if share < 0.23 else 0.3 + (share - 0.23) * 0.7 / 0.77)
        assert adam.param_groups[0]["lr"] == pytest.approx(ours, rel=1e-6, abs=1e-9)
        adam.step()
        theirs.step()


def test_an_epoch_shows_whole_batches_of_a_shuffle():
    first, again, other = batches(1, 0, 10, 4), batches(1, 0, 10, 4), batches(1, 1, 10, 4)
    assert [len(b) for b in first] == [4, 4]
    assert len(set(np.concatenate(first))) == 8
    assert np.array_equal(np.concatenate(first), np.concatenate(again))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))
    assert [sorted(b) for b in batches(1, 0, 3, 4)] == [[0, 1, 2]]


def test_prefetch_keeps_the_order_and_hands_errors_on():
    samples = make_samples(1)
    found = [batch.indices.tolist() for batch in prefetch(samples, consecutive(24, 10), 0)]
    assert found == [list(range(10)), list(range(10, 20)), list(range(20, 24))]
    with pytest.raises(IndexError):
        list(prefetch(samples, [np.array([99])], 0))


def test_automatic_precision_reads_the_flags(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu amx_bf16 avx512_bf16\n\nprocessor : 1\n")
    assert cpu_flags(cpuinfo) == {"fpu", "amx_bf16", "avx512_bf16"}
    assert cpu_flags(tmp_path / "none") == frozenset()
    cpu = torch.device("cpu")
    assert resolve("bf16", cpu) == "bf16"
    assert resolve("auto", cpu) == ("bf16" if "amx_bf16" in cpu_flags() else "fp32")


def test_deterministic_is_undone():
    threads = torch.get_num_threads()
    with deterministic(3):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 3
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads


def test_other_errors_are_not_called_memory():
    with pytest.raises(RuntimeError, match="something else"), naming_the_batch(4):
        raise RuntimeError("something else")


def test_the_first_step_of_adamw_by_hand():
    network = make_network()
    """Moments cancel to the gradient's sign: w ← w (1 - r d) - r sign(g); vectors do not decay."""
    phase = phases_of(network)[0]
    optimiser = Optimiser(network, phase, weight_decay=0.1)
    optimiser.set_rate(0.5)
    assert optimiser.rate == pytest.approx(0.01)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in phase.trained)
    weight, bias = network.head.weight.detach().clone(), network.head.bias.detach().clone()
    optimiser.step(network.head.weight.sum() - network.head.bias.sum())
    assert torch.allclose(network.head.weight, weight * (1 - 0.01 * 0.1) - 0.01, atol=1e-6)
    assert torch.allclose(network.head.bias, bias + 0.01, atol=1e-6)
    assert math.isclose(optimiser.state()["head.bias/step"].item(), 1)


def test_states_of_two_cuts_fit_together():
    network = make_network()
    names = set(network.state_dict())
    assert set(network.above_state()) == {
        name for name in names if name.startswith(("backbone.units.2", "backbone.units.3", "head."))
    }
    network.cut = 0
    assert set(network.above_state()) == names
    assert {*network.above_names(), *network.head_names()} == {name for name, _ in network.named_parameters()}
