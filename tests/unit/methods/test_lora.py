"""LoRA: the formula, the layers that it takes, and that nothing of it is left."""

import math

import pytest
import torch
from factors import adapted, ramp
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from components.backbones.base import Backbone
from components.backbones.catalogue import build
from components.errors import ParamsError
from components.methods import load_method
from components.methods.base import trained_count
from components.params.tuning import TuneParams
from components.training.freezing import frozen_state
from components.training.network import Network


class Attention(nn.Module):
    """A linear layer, a norm, a depthwise and a small convolution."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(12)
        self.wide = nn.Conv2d(12, 12, 3, padding=1)
        self.depthwise = nn.Conv2d(12, 12, 5, padding=2, groups=12)
        self.small = nn.Conv2d(12, 2, 1)
        self.out = nn.Conv2d(2, 12, 1)

    def forward(self, images):
        return images + self.out(self.small(self.depthwise(self.wide(self.norm(images)))))


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(12, 16)

    def forward(self, images):
        return self.dense(images.mean((2, 3)))


def network(**tune):
    """Stem, two blocks, of which the second is above the cut, features, head; as it started, and its method."""
    torch.manual_seed(0)
    method = load_method(TuneParams(method="lora", blocks=1, rank=2, **{"alpha": 4, **tune}))
    backbone = Backbone([nn.Conv2d(3, 12, 1), Attention(), Attention(), Features()], 16)
    return Network(backbone, nn.Linear(16, 2), method.cut(2)).eval(), method


def learnt(net):
    """Give every B a value, as training would."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith(".b"):
                parameter.copy_(ramp(*parameter.shape))


def test_the_weight_is_what_the_formula_says():
    layer, added = adapted(nn.Linear(2, 2), rank=1, alpha=3)
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        added.a.copy_(torch.tensor([[1.0, -2.0]]))
        added.b.copy_(torch.tensor([[0.5], [1.0]]))
    # W0 + 3/1 · (0.5, 1)ᵀ (1, -2)
    torch.testing.assert_close(layer.weight, torch.tensor([[2.5, -1.0], [6.0, -2.0]]))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.Linear(4, 3), ramp(2, 4)),
        (nn.Conv2d(2, 3, 3, stride=2, padding=1), ramp(1, 2, 5, 5)),
        (nn.Conv2d(4, 6, 3, groups=2), ramp(1, 4, 5, 5)),
    ],
    ids=["linear", "convolution", "grouped"],
)
def test_merged_or_beside_the_layer_it_is_the_same(layer, inputs):
    """What peft and the authors run while they train: two thin layers beside the one that stays."""
    layer, added = adapted(layer, rank=2, alpha=3)
    plain = layer.parametrizations.weight.original
    if isinstance(layer, nn.Linear):
        beside = inputs @ added.a.T @ added.b.T
        alone = F.linear(inputs, plain, layer.bias)
    else:
        how = {"stride": layer.stride, "padding": layer.padding}
        alone = F.conv2d(inputs, plain, layer.bias, groups=layer.groups, **how)
        kernel = added.a.view(2, *plain.shape[1:])
        parts = []
        for images, rows in zip(inputs.chunk(layer.groups, 1), added.b.chunk(layer.groups), strict=True):
            parts.append(F.conv2d(F.conv2d(images, kernel, **how), rows[:, :, None, None]))
        beside = torch.cat(parts, 1)
    torch.testing.assert_close(layer(inputs), alone + 3 / 2 * beside)


def test_it_starts_as_the_network_that_it_was():
    net, method = network()
    inputs = ramp(3, 12, 4, 4)
    before = net(inputs)
    method.prepare(net, seed=1)
    assert torch.equal(net(inputs), before)


def test_its_start_follows_from_the_seed_alone():
    made = []
    for seed in (1, 1, 2):
        net, method = network()
        state = torch.get_rng_state()
        method.prepare(net, seed)
        assert torch.equal(torch.get_rng_state(), state)
        made.append(net.state_dict()["backbone.units.3.dense.parametrizations.weight.0.a"])
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert 0.5 / math.sqrt(12) < made[0].abs().max() <= 1 / math.sqrt(12)


def test_it_takes_wide_layers_above_the_cut_and_nothing_else():
    net, method = network()
    method.prepare(net, 1)
    found = {path for path, module in net.named_modules() if parametrize.is_parametrized(module)}
    # not: norm, depthwise, convolutions of 2 × 12 numbers, the lower block, the head
    assert found == {"backbone.units.2.wide", "backbone.units.3.dense"}
    phases = method.phases(net)
    assert [phase.adapt_statistics for phase in phases] == [False, False]
    added = phases[-1].trained - phases[0].trained
    assert {name.rsplit(".", 1)[1] for name in added} == {"a", "b"}
    assert trained_count(net, phases) == 2 * (12 + 108) + 2 * (16 + 12) + 2 * 17


def test_original_weights_are_among_what_must_not_move():
    net, method = network()
    method.prepare(net, 1)
    frozen = frozen_state(net, method.phases(net)[-1].trained)
    name = "backbone.units.2.wide.parametrizations.weight.original"
    assert name in frozen
    assert name in net.above_names()
    assert name in net.above_state()


def test_names_can_be_frozen_like_any_others():
    net, method = network(freeze=("wide",))
    method.prepare(net, 1)
    assert not any("wide" in name for name in method.phases(net)[-1].trained)


def test_in_the_end_the_layers_are_the_old_ones_with_new_weights():
    net, method = network()
    names, types = set(net.state_dict()), [type(module) for module in net.modules()]
    wide = net.backbone.units[2].wide
    start = wide.weight.detach().clone()
    method.prepare(net, 1)
    learnt(net)
    inputs = ramp(3, 12, 4, 4)
    trained, added = net(inputs), wide.parametrizations.weight[0]
    product = 4 / 2 * (added.b @ added.a).reshape(12, 12, 3, 3)
    method.finish(net)
    assert set(net.state_dict()) == names
    assert [type(module) for module in net.modules()] == types
    torch.testing.assert_close(wide.weight, start + product, rtol=0, atol=1e-6)
    torch.testing.assert_close(net(inputs), trained, rtol=0, atol=1e-6)


def test_a_copy_keeps_what_it_was():
    net, method = network()
    method.prepare(net, 1)
    learnt(net)
    inputs = ramp(3, 12, 4, 4)
    copy, then = net.copied(), net(inputs)
    with torch.no_grad():
        net.backbone.units[3].dense.parametrizations.weight[0].b.zero_()
    assert not torch.equal(net(inputs), then)
    assert torch.equal(copy(inputs), then)


def test_a_rank_that_makes_nothing_smaller_is_refused():
    net, method = network()
    method._tune = method._tune.model_copy(update={"rank": 12})
    with pytest.raises(ParamsError, match=r"tune.rank is 12.*Lower it"):
        method.prepare(net, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "blocks", "numbers"), [("efficientnet_lite0", 5, 115_586), ("minilm_l6", 2, 111_362)]
)
def test_it_trains_less_than_a_twentieth_of_the_blocks(backbone, blocks, numbers):
    counts = {}
    for name in ("last_blocks", "lora"):
        method, made = load_method(TuneParams(method=name, blocks=blocks)), build(backbone)
        net = Network(made, nn.Linear(made.width, 2), method.cut(made.blocks))
        method.prepare(net, 1)
        counts[name] = trained_count(net, method.phases(net))
    assert counts["lora"] == numbers
    assert counts["lora"] < 0.05 * counts["last_blocks"]
