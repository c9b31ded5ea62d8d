"""LoRA against peft; CORAL, DANN, MCC, KMM and KLIEP against skada: the same numbers, to 1e-5.

Here both are called. What pytorch-adapt gave stands in the other files as numbers: it needs torchvision.
"""

import numpy as np
import pytest
import torch
from factors import adapted, ramp
from peft import LoraConfig, inject_adapter_in_model
from skada import KLIEPReweightAdapter, KMMReweightAdapter
from skada.deep import DANNLoss
from skada.deep.losses import deepcoral_loss, mcc_loss
from steps import make_step, tensor, wave
from torch import nn

from components.methods import importance, kliep, kmm
from components.methods.coral import coral
from components.methods.dann import DANN
from components.methods.mcc import class_confusion
from components.methods.objective import Shape
from components.params.objectives import ObjectivesParams

SOURCE, TARGET = wave(8, 4, 1.1), 0.5 + 1.5 * wave(6, 4, 0.7)
WIDTH = 1.6
GAMMA = 1 / (2 * WIDTH**2)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: nn.Linear(4, 3), ramp(2, 4)),
        (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), ramp(1, 2, 5, 5)),
        (lambda: nn.Conv2d(4, 6, 1), ramp(2, 4, 3, 3)),
    ],
    ids=["linear", "convolution", "pointwise"],
)
def test_lora_is_that_of_peft_forwards_and_backwards(make, inputs):
    ours, added = adapted(make(), rank=2, alpha=3)
    net = nn.Sequential(make())
    inject_adapter_in_model(LoraConfig(r=2, lora_alpha=3, target_modules=["0"]), net)
    theirs = net[0]
    a, b = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    with torch.no_grad():
        theirs.base_layer.weight.copy_(ours.parametrizations.weight.original)
        theirs.base_layer.bias.copy_(ours.bias)
        a.copy_(added.a.view_as(a))
        b.copy_(added.b.view_as(b))
    made, expected = ours(inputs), net(inputs)
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)
    made.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(added.a.grad.flatten(), a.grad.flatten(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(added.b.grad.flatten(), b.grad.flatten(), rtol=1e-5, atol=1e-5)
    if isinstance(
        ours, nn.Conv2d
    ):  # the shape of the factors, as the docstring says: not that of the authors' code
        assert a.shape == (2, *ours.weight.shape[1:])
        assert b.shape == (ours.out_channels, 2, 1, 1)
        assert a.numel() == added.a.numel()
    theirs.merge()
    torch.testing.assert_close(ours.weight, theirs.base_layer.weight, rtol=1e-5, atol=1e-5)


def test_coral_is_that_of_skada():
    expected = deepcoral_loss(tensor(SOURCE), tensor(TARGET)).item()
    assert coral(tensor(SOURCE), tensor(TARGET)).item() == pytest.approx(expected, abs=1e-5)


def test_dann_is_that_of_skada():
    objective = DANN(ObjectivesParams(align_weight=1), Shape(4, 3, 0))
    told, met = (objective.discriminator(tensor(rows)).sigmoid().flatten() for rows in (SOURCE, TARGET))
    expected = DANNLoss()(told, met).item()
    assert objective(make_step(tensor(SOURCE), tensor(TARGET))).item() == pytest.approx(expected, abs=1e-5)


def test_mcc_is_that_of_skada():
    """Its gradient is not: skada lets it through the weights of samples, which the paper's program does not."""
    logits = tensor(3 * wave(6, 3, 1.3))
    expected = mcc_loss(logits, T=2.5, eps=0).item()
    assert class_confusion(logits).item() == pytest.approx(expected, abs=1e-5)


def both(adapter):
    """A fitted adapter, and the weights that it gives to the source's samples."""
    domains = np.repeat([1, -2], [len(SOURCE), len(TARGET)])
    samples = np.concatenate([SOURCE, TARGET])
    return adapter.fit(samples, sample_domain=domains)


def test_kmm_is_that_of_skada():
    theirs = both(KMMReweightAdapter(gamma=GAMMA, solver="scipy", tol=1e-12)).source_weights_
    among, across = (importance.gaussian(SOURCE, rows, WIDTH) for rows in (SOURCE, TARGET))
    np.testing.assert_allclose(kmm.match(among, across), theirs, atol=1e-5)


def test_kliep_keeps_the_constraint_and_is_likelier_than_skada_s():
    """Whose gradient steps have the size of a rounding error: it ends where its projections do."""
    theirs = both(KLIEPReweightAdapter(gamma=GAMMA, random_state=0))
    near, likely = (importance.gaussian(rows, theirs.centers_, WIDTH) for rows in (SOURCE, TARGET))
    ours = kliep.coefficients(near.mean(axis=0), likely)
    assert near.mean(axis=0) @ theirs.alpha_ == pytest.approx(1)
    assert near.mean(axis=0) @ ours == pytest.approx(1)
    assert np.log(likely @ ours).mean() > np.log(likely @ theirs.alpha_).mean() + 0.01
