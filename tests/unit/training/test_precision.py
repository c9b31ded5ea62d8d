"""Training in bf16: products are rounded to 8 bits, weights and statistics are not, and it learns as in fp32."""

import numpy as np
import pytest
import torch
from tiny import CLASSES, SAMPLES, Shown, make_network, make_samples, scores, train
from tiny import loss as mean_loss
from torch import Tensor

from components.training.network import Network
from components.training.plan import Outcome, Recipe
from components.training.precision import Precision, autocast
from components.training.scoring import predict, to_device

CPU = torch.device("cpu")
BITS = 8  # of a bf16 number's significand, the hidden one included
SHOWN: tuple[Shown, ...] = ("picture", "text")


def trained(precision: Precision, seed: int = 3) -> tuple[Network, Outcome]:
    network = make_network()
    return network, train(network, None, Recipe(seed=seed, batch=8, precision=precision))


def gradients(precision: Precision, shown: Shown) -> dict[str, Tensor]:
    """Of the mean loss of one batch, without dropout."""
    network = make_network(shown=shown).eval()
    samples, every = make_samples(1, shown=shown), np.arange(SAMPLES)
    with autocast(precision, CPU):
        outputs = network.answer(network.named(to_device(samples.take(every, 0), CPU)))
    mean_loss(outputs.float(), samples.expected(every, 0)).backward()
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("shown", SHOWN)
def test_gradients_differ_by_no_more_than_rounding(shown: Shown) -> None:
    exact, rounded = gradients("fp32", shown), gradients("bf16", shown)
    assert exact.keys() == rounded.keys()
    flat, other = (torch.cat([g.flatten() for g in found.values()]) for found in (exact, rounded))
    assert other.dtype == torch.float32
    error = (flat - other).norm() / flat.norm()
    # Each of a dozen products in a row rounds by up to 2^-8 of its size, independently.
    assert 0 < error < 2.0**-BITS * 12**0.5


def test_the_loss_follows_that_of_fp32_and_weights_stay_float32() -> None:
    (_, exact), (network, rounded) = trained("fp32"), trained("bf16")
    assert (exact.precision, rounded.precision) == ("fp32", "bf16")
    for one, other in zip(exact.history, rounded.history, strict=True):
        assert other.validation_loss == pytest.approx(one.validation_loss, abs=0.002)
    assert rounded.best.validation_loss < rounded.history[0].validation_loss
    assert {t.dtype for t in network.state_dict().values() if t.is_floating_point()} == {torch.float32}
    # A step of AdamW of 1e-4 of a weight is lost in bf16: weights that lie on its grid were not kept in float32.
    weight = network.head.weight.detach()
    assert not torch.equal(weight, weight.bfloat16().float())
    answers = predict(network, make_samples(2), 8, CPU)
    assert answers.dtype == torch.float32
    assert answers.shape[1] == CLASSES
    assert scores(answers, torch.from_numpy(make_samples(2).targets))["accuracy"].mean() > 0.9


def test_equal_seeds_give_equal_bytes_in_bf16_too() -> None:
    one, other = (trained("bf16")[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
