"""AdaBN and TENT: what they compute, by numpy and by hand, and that nothing else moves."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tiny import CLASSES, SAMPLES, WIDTH, make_network, make_samples
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.backbones.base import Backbone
from components.errors import ParamsError, TrainingError
from components.methods import load_adaptation
from components.methods.adaptation import Adaptation, batch_norms
from components.methods.tent import doubt
from components.params.tuning import TuneParams
from components.training.adapting import adapt
from components.training.batches import Views
from components.training.network import Network
from components.training.plan import Recipe
from components.training.scoring import predict

CPU = torch.device("cpu")
TARGET = make_samples(4, shift=1.5)


def method(name: str, **values: object) -> Adaptation:
    made = load_adaptation(TuneParams.model_validate({"then": name, "batch": 10, **values}))
    assert made is not None
    return made


def adapted(
    name: str, network: Network, samples: Views = TARGET, batch: int = 10, **values: object
) -> Network:
    adapt(network, method(name, batch=batch, **values), samples, Recipe(seed=3, batch=batch), CPU)
    return network


def inputs(samples: Views = TARGET) -> Tensor:
    return samples.take(np.arange(len(samples.targets)), 0).float()


def answering() -> Network:
    """A network with statistics of its own that is neither sure nor undecided."""
    network = make_network()
    network(inputs(make_samples(1)))
    with torch.no_grad():
        network.head.weight *= 8  # type: ignore[operator]
    return network.eval()


def state(network: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def moved(before: dict[str, Tensor], network: Network) -> set[str]:
    return {name for name, tensor in network.state_dict().items() if not torch.equal(before[name], tensor)}


def seen(network: Network, samples: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What each norm above the cut sees of the samples in evaluation mode: mean and variance of a channel."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(path: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def hook(module: nn.Module, arguments: tuple[Tensor]) -> None:
            rows = arguments[0].double().transpose(0, 1).flatten(1)
            found[path] = rows.mean(1), rows.var(1, correction=0)

        return hook

    hooks = [norm.register_forward_pre_hook(watch(path)) for path, norm in batch_norms(network).items()]
    with torch.no_grad():
        network.eval()(samples)
    for hook in hooks:
        hook.remove()
    return found


def doubt_about_target(network: Network) -> float:
    return doubt(predict(network, TARGET, 24, CPU)).item()


class OneNorm(nn.Module):
    """The norm sees the samples themselves, and the head their means over positions."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, images: Tensor) -> Tensor:
        normed: Tensor = self.norm(images)
        return normed.mean((2, 3))


def one_norm(norm: nn.Module) -> Network:
    torch.manual_seed(0)
    backbone = Backbone([nn.Identity(), nn.Identity(), OneNorm(norm)], width=4)
    return Network(backbone, nn.Linear(4, CLASSES), cut=1).eval()


def test_adabn_takes_mean_and_variance_of_all_that_a_layer_sees() -> None:
    network = adapted("adabn", one_norm(nn.BatchNorm2d(4)))
    samples = inputs().numpy().astype(np.float64)
    (norm,) = batch_norms(network).values()
    np.testing.assert_allclose(norm.running_mean, samples.mean((0, 2, 3)), rtol=1e-6)
    # Batches are of 10, 10 and 4 samples: means of their variances would be less than this.
    np.testing.assert_allclose(norm.running_var, samples.var((0, 2, 3)), rtol=1e-6)


def test_adabn_keeps_the_digits_of_a_small_spread_around_a_large_mean() -> None:
    rows = (inputs() * 0.01 + 1000).numpy()
    network = adapted("adabn", one_norm(nn.BatchNorm2d(4)), Views(rows, TARGET.targets))
    (norm,) = batch_norms(network).values()
    np.testing.assert_allclose(norm.running_var, rows.astype(np.float64).var((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("name", ["adabn", "tent"])
def test_the_statistics_are_those_of_the_network_that_is_shipped(name: str) -> None:
    network = adapted(name, answering())
    for path, (mean, variance) in seen(network, inputs()).items():
        norm = batch_norms(network)[path]
        torch.testing.assert_close(norm.running_mean, mean.float(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(norm.running_var, variance.float(), rtol=1e-5, atol=1e-6)


def test_adabn_depends_neither_on_order_nor_on_batches() -> None:
    expected = state(adapted("adabn", answering()))
    turned = Views(TARGET.take(np.arange(SAMPLES)[::-1].copy(), 0).numpy(), TARGET.targets)
    for samples, batch in ((turned, 10), (TARGET, 7), (TARGET, 24)):
        found = state(adapted("adabn", answering(), samples, batch))
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, rtol=1e-5, atol=1e-6)


def test_adabn_moves_running_statistics_above_the_cut_and_nothing_else() -> None:
    network = answering()
    before = state(network)
    adapted("adabn", network)
    above = batch_norms(network)
    assert list(above) == ["backbone.units.2.1", "backbone.units.3.conv.1"]
    assert moved(before, network) == {f"{path}.running_{what}" for path in above for what in ("mean", "var")}


def test_doubt_by_hand() -> None:
    """p = (1/2, 1/2) and (3/4, 1/4): log 2, and 3/4 log 4/3 + 1/4 log 4."""
    logits = torch.tensor([[1.0, 1.0], [math.log(3), 0.0]])
    expected = (math.log(2) + 0.75 * math.log(4 / 3) + 0.25 * math.log(4)) / 2
    assert doubt(logits).item() == pytest.approx(expected)


def test_tent_moves_norms_and_the_answers_get_surer() -> None:
    network = answering()
    before = state(network)
    adapted("tent", network, then_epochs=5)
    above = batch_norms(network)
    affine = {f"{path}.{what}" for path in above for what in ("weight", "bias")}
    changed = moved(before, network)
    assert affine <= changed
    assert changed <= affine | {
        f"{path}.{name}" for path, norm in above.items() for name, _ in norm.named_buffers()
    }
    assert doubt_about_target(network) < doubt_about_target(adapted("adabn", answering())) - 1e-3


def test_tent_s_first_step_is_adam_s_along_batch_statistics() -> None:
    """Adam's first step is the rate times the gradient's sign; the rate is 0.001 · 24 / 128."""
    network = one_norm(nn.BatchNorm2d(4))
    norm = batch_norms(network)["backbone.units.2.norm"]
    samples = inputs()
    normed = (samples - samples.mean((0, 2, 3), keepdim=True)) / (
        samples.var((0, 2, 3), correction=0, keepdim=True) + norm.eps
    ).sqrt()
    scale, shift = torch.ones(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    pooled = normed.mean((2, 3)) * scale + shift
    doubt(network.head(pooled)).backward()  # type: ignore[no-untyped-call]
    assert scale.grad is not None
    assert shift.grad is not None
    adapted("tent", network, batch=24)
    rate = 1e-3 * 24 / 128
    torch.testing.assert_close(norm.weight.detach(), 1 - rate * scale.grad.sign(), rtol=0, atol=1e-6)
    torch.testing.assert_close(norm.bias.detach(), -rate * shift.grad.sign(), rtol=0, atol=1e-6)


def test_tent_works_with_layer_norms_which_adabn_refuses() -> None:
    network = one_norm(nn.LayerNorm([6, 6]))
    before, unsure = state(network), doubt_about_target(network)
    adapted("tent", network, then_epochs=3)
    assert moved(before, network) == {"backbone.units.2.norm.weight", "backbone.units.2.norm.bias"}
    assert doubt_about_target(network) < unsure
    with pytest.raises(ParamsError, match="adabn: there are no batch norms above the cut"):
        adapted("adabn", network)


def test_tent_leaves_what_params_freeze() -> None:
    network = answering()
    before = state(network)
    adapted("tent", network, freeze=[r"units\.2\..*weight"])
    changed = moved(before, network)
    assert "backbone.units.2.1.weight" not in changed
    assert {"backbone.units.2.1.bias", "backbone.units.3.conv.1.weight"} <= changed


def test_tent_without_a_norm_that_may_learn_is_refused() -> None:
    with pytest.raises(ParamsError, match="tent: there are no norms above the cut"):
        adapted("tent", one_norm(nn.Identity()))
    with pytest.raises(ParamsError, match="tent: there are no norms above the cut"):
        adapted("tent", answering(), freeze=["units"])


@pytest.mark.parametrize("name", ["adabn", "tent"])
def test_equal_seeds_give_equal_bytes(name: str) -> None:
    first, again = (state(adapted(name, answering())) for _ in range(2))
    assert all(torch.equal(tensor, again[key]) for key, tensor in first.items())


def test_what_a_method_may_not_change_is_watched() -> None:
    class Meddling:
        def moves(self, network: object) -> frozenset[str]:
            return frozenset({"head.bias"})

        def __call__(self, network: Network, target: object) -> None:
            with torch.no_grad():
                network.head.weight += 1  # type: ignore[operator]

    with pytest.raises(TrainingError, match="changed while the network adapted"):
        adapt(answering(), Meddling(), TARGET, Recipe(batch=8), CPU)  # type: ignore[arg-type]


def test_the_tiny_network_s_norms_are_what_these_tests_take_them_for() -> None:
    norms = [m for m in make_network().modules() if isinstance(m, _BatchNorm)]
    assert [norm.num_features for norm in norms] == [4, 4, 4, WIDTH]
