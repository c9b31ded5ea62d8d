"""L2-SP, EWC and distillation by the formulas of their docstrings, worked out in numpy."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from steps import make_step, tensor, wave
from torch import Tensor, nn

from components.methods.distillation import Distillation, distillation
from components.methods.ewc import EWC, SAMPLES, fisher
from components.methods.l2_sp import L2SP
from components.methods.objective import Shape, Start, Trained
from components.params.objectives import ObjectivesParams


class Plain(nn.Module):
    """A linear backbone of one weight a feature and a linear head: its Fisher information fits on one line."""

    def __init__(self, width: int = 3, classes: int = 3) -> None:
        super().__init__()
        self.backbone = nn.Linear(width, width, bias=False)
        self.head = nn.Linear(width, classes, bias=False)
        self.backbone.weight.data = tensor(wave(width, width, 0.8))
        self.head.weight.data = tensor(wave(classes, width, 0.6))

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(inputs))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        seen: Tensor = self.backbone(inputs)
        return seen

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.named_parameters())

    def copied(self) -> "Plain":
        made = Plain(*self.head.weight.shape[::-1])
        made.load_state_dict(self.state_dict())
        return made.requires_grad_(False)


INPUTS = wave(7, 3, 1.7)


def source() -> Iterator[tuple[Tensor, Tensor]]:
    """Two batches; the labels are wrong on purpose: nothing may look at them."""
    for rows in (INPUTS[:4], INPUTS[4:]):
        yield tensor(rows), torch.full((len(rows),), 99)


def moved(objective: L2SP | EWC | Distillation, start: Start) -> Tensor:
    """The objective after every weight of the head has gone up by 0.1 and of the backbone by 0.2."""
    objective.begin(start)
    network = start.network
    with torch.no_grad():
        for name, parameter in network.trainable().items():
            parameter += 0.1 if name.startswith("head.") else 0.2
    inputs = tensor(wave(5, 3, 0.4))
    step = make_step(inputs, inputs, network=network)
    return objective(type(step)(**{**vars(step), "logits": network(inputs)}))


def test_l2_sp_pulls_a_fresh_head_to_zero_and_the_rest_to_its_start() -> None:
    network = Plain()
    head = wave(3, 3, 0.6) + 0.1
    found = moved(L2SP(ObjectivesParams(keep_weight=0.4), Shape(3, 3, 0)), Start(network))
    assert found.item() == pytest.approx(0.4 / 2 * 9 * 0.2**2 + 0.04 / 2 * (head**2).sum(), abs=1e-6)


def test_l2_sp_pulls_a_head_that_knows_the_source_to_its_start_too() -> None:
    found = moved(L2SP(ObjectivesParams(keep_weight=0.4), Shape(3, 3, 0)), Start(Plain(), source))
    assert found.item() == pytest.approx(0.4 / 2 * (9 * 0.2**2 + 9 * 0.1**2), abs=1e-6)


def fisher_by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Of backbone and head: log p_c = z_c - log Σ exp z, z = V W x, so its slopes are (e_c - p) and chains of it."""
    w, v = wave(3, 3, 0.8), wave(3, 3, 0.6)
    of_w, of_v = np.zeros((3, 3)), np.zeros((3, 3))
    for x in INPUTS:
        features = w @ x
        raised = np.exp(v @ features)
        p = raised / raised.sum()
        for label in range(3):
            slope = np.eye(3)[label] - p
            of_v += p[label] * np.outer(slope, features) ** 2 / len(INPUTS)
            of_w += p[label] * np.outer(v.T @ slope, x) ** 2 / len(INPUTS)
    return of_w, of_v


def test_the_fisher_information_is_over_the_network_s_own_answers() -> None:
    found = fisher(Plain(), (tensor(row[None]) for row in INPUTS), seed=0)
    of_backbone, of_head = fisher_by_hand()
    np.testing.assert_allclose(found["backbone.weight"].numpy(), of_backbone, atol=1e-6)
    np.testing.assert_allclose(found["head.weight"].numpy(), of_head, atol=1e-6)


def test_a_class_that_cannot_be_adds_nothing_to_the_fisher_information() -> None:
    """Its log has no gradient, and its share is 0: 0 times NaN is not 0."""

    class Masked(Plain):
        def __call__(self, inputs):
            logits = super().__call__(inputs)
            return torch.cat([logits, torch.full((len(logits), 1), -torch.inf)], 1)

    found, plain = (fisher(net, (tensor(row[None]) for row in INPUTS), seed=0) for net in (Masked(), Plain()))
    for name, values in plain.items():
        torch.testing.assert_close(found[name], values)


def test_ewc_weighs_what_moved_by_it() -> None:
    of_backbone, of_head = fisher_by_hand()
    found = moved(EWC(ObjectivesParams(keep_weight=30.0), Shape(3, 3, 0)), Start(Plain(), source))
    by_hand = 15 * (of_backbone.sum() * 0.2**2 + of_head.sum() * 0.1**2)
    assert found.item() == pytest.approx(by_hand, rel=1e-5)


def test_with_many_classes_the_drawn_fisher_is_right_in_the_mean() -> None:
    network = Plain(width=2, classes=6)
    row = tensor(wave(1, 2, 1.7))
    features = (wave(2, 2, 0.8) @ row.numpy()[0].astype(np.float64))[None]
    raised = np.exp(wave(6, 2, 0.6) @ features[0])
    p = raised / raised.sum()
    # Σ_c p_c (1[c = k] - p_k)² = p_k (1 - p_k)
    exact = (p * (1 - p))[:, None] * features**2
    drawn = fisher(network, (row for _ in range(10**6)), seed=4)["head.weight"].numpy()
    again = fisher(network, (row for _ in range(10**6)), seed=4)["head.weight"].numpy()
    other = fisher(network, (row for _ in range(10**6)), seed=5)["head.weight"].numpy()
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)
    fourth = p * (1 - p) ** 4 + (1 - p) * p**4
    error = np.sqrt(fourth - (p * (1 - p)) ** 2)[:, None] * features**2 / np.sqrt(SAMPLES)
    assert (np.abs(drawn - exact) < 4 * error).all()


def test_the_fisher_information_takes_at_most_so_many_samples() -> None:
    def endless() -> Iterator[Tensor]:
        for _ in range(SAMPLES):
            yield tensor(INPUTS[:1])
        raise AssertionError("one sample too many")

    found = fisher(Plain(), endless(), seed=0)
    expected = fisher(Plain(), iter([tensor(INPUTS[:1])]), seed=0)
    torch.testing.assert_close(found, expected)


def test_distillation_is_a_cross_entropy_at_temperature_two() -> None:
    logits, old = 3 * wave(4, 3, 1.3), 3 * wave(4, 3, 0.9)

    def cooled(values: np.ndarray) -> np.ndarray:
        """y^(1/T) / Σ y^(1/T) of the probabilities y, as the paper writes it."""
        y = np.exp(values) / np.exp(values).sum(1, keepdims=True)
        return np.sqrt(y) / np.sqrt(y).sum(1, keepdims=True)

    by_hand = -(cooled(old) * np.log(cooled(logits))).sum(1).mean()
    assert distillation(tensor(logits), tensor(old)).item() == pytest.approx(by_hand, abs=1e-6)


def test_distillation_keeps_the_answers_of_the_start() -> None:
    network = Plain()
    inputs = tensor(wave(5, 3, 0.4))
    old = network(inputs).detach()
    found = moved(Distillation(ObjectivesParams(keep_weight=2.0), Shape(3, 3, 0)), Start(network, source))
    new = network(inputs).detach()
    assert not torch.allclose(old, new)
    assert found.item() == pytest.approx(2 * distillation(new, old).item(), abs=1e-6)


def test_the_copy_is_no_part_of_the_network() -> None:
    objective = Distillation(ObjectivesParams(), Shape(3, 3, 0))
    start: Trained = Plain()
    objective.begin(Start(start))
    assert objective.state_dict() == {}
    assert list(objective.parameters()) == []
