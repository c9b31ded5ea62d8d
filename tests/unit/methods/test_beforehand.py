"""The formulas of what is learned beforehand, by hand."""

import numpy as np
import pytest
import torch
from tiny import make_network, make_samples, phases_of
from torch import nn
from torch.nn import functional as F

from components.errors import DataError
from components.methods.base import Slow
from components.methods.clusters import Clusters, clustered
from components.methods.masked_tokens import Guess, Masked
from components.methods.pretraining import Given, Known, Words
from components.methods.prototypical import Episodes, Prototypes, Prototypical, Shape, pools
from components.methods.reptile import Reptile, Runs
from components.methods.simclr import Pairs, Similarities
from components.params.pretrain import PretrainParams
from components.training.batches import Views
from components.training.network import TokenNetwork
from components.training.optimiser import Optimiser

TEMPERATURE = 0.5


def test_nt_xent_of_two_pairs() -> None:
    """Unit vectors at 0° and 60° (first views), 30° and 120° (second): cosines by hand, lengths do not count."""
    degrees, lengths = np.array([0.0, 60.0, 30.0, 120.0]), np.array([1.0, 3.0, 0.5, 2.0])
    views = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], 1) * lengths[:, None]
    h = np.sqrt(3) / 2
    cosines = np.array([[1, 0.5, h, -0.5], [0.5, 1, h, 0.5], [h, h, 1, 0], [-0.5, 0.5, 0, 1]])
    said = np.exp(cosines / TEMPERATURE)
    partners = [2, 3, 0, 1]
    losses = [
        -np.log(said[i, j] / sum(said[i, k] for k in range(4) if k != i)) for i, j in enumerate(partners)
    ]
    logits = Similarities(TEMPERATURE)(torch.from_numpy(views))
    targets = Pairs(make_samples(1, views=2), 2).expected(np.array([4, 9]), 0)
    assert targets.tolist() == partners
    assert F.cross_entropy(logits, targets).item() == pytest.approx(np.mean(losses), rel=1e-6)


def test_pairs_are_two_views_of_each_sample_and_all_come_before_one_repeats() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(12, 1)  # view v of sample i holds 4 v + i
    pairs = Pairs(Views(rows, np.zeros(4, dtype=np.int64), views=3, seed=1), 3)
    shown = [pairs.take(np.array([1, 3]), epoch).ravel().int() for epoch in range(6)]
    for first_one, first_three, second_one, second_three in shown:
        assert first_one % 4 == second_one % 4 == 1
        assert first_three % 4 == second_three % 4 == 3
        assert first_one != second_one
    assert len({tuple(pair.tolist()[::2]) for pair in shown}) == 6
    assert {pairs.pair(epoch) for epoch in range(6)} == {(a, b) for a in range(3) for b in range(3) if a != b}


LONG, WORDS = 4000, 500
VOCABULARY = Words(WORDS, mask=4, marks=(0, 1, 2, 3, 4), embedding=nn.Embedding(WORDS, 6))


def masked(rows: np.ndarray, seed: int = 7) -> Masked:
    return Masked(Views(rows, np.full(len(rows), -1)), VOCABULARY, 0.15, seed)


def test_masking_asks_for_15_percent_and_hides_80_of_them() -> None:
    rows = np.random.default_rng(0).integers(5, WORDS, size=(3, LONG))
    rows[:, 0], rows[:, -100:] = 2, 0
    samples, everyone = masked(rows), np.arange(3)
    shown, asked = samples.take(everyone, 0).numpy().transpose(1, 0, 2)
    asked = asked.astype(bool)
    count = asked.sum()
    assert count / (3 * (LONG - 101)) == pytest.approx(0.15, abs=0.01)
    assert not asked[:, 0].any()
    assert not asked[:, -100:].any()
    assert (shown[~asked] == rows[~asked]).all()
    assert (shown[asked] == 4).sum() / count == pytest.approx(0.8, abs=0.03)
    assert (shown[asked] == rows[asked]).sum() / count == pytest.approx(0.1, abs=0.03)
    assert samples.expected(everyone, 0).tolist() == rows[asked].tolist()


def test_masking_follows_from_seed_epoch_and_sample_alone() -> None:
    rows = np.random.default_rng(0).integers(5, WORDS, size=(3, 50))
    together = masked(rows).take(np.array([2, 0]), 5)
    assert torch.equal(together[1], masked(rows).take(np.array([0]), 5)[0])
    assert not torch.equal(together, masked(rows).take(np.array([2, 0]), 6))
    assert not torch.equal(together, masked(rows, seed=8).take(np.array([2, 0]), 5))


def test_of_a_text_of_one_word_that_word_is_asked_for() -> None:
    rows = np.array([[2, 77, 3, 0]])
    for epoch in range(20):
        samples = masked(rows)
        assert samples.take(np.array([0]), epoch)[0, 1].tolist() == [0, 1, 0, 0]
        assert samples.expected(np.array([0]), epoch).tolist() == [77]


def test_a_text_without_words_is_asked_for_nothing() -> None:
    """Marks are no words: the second text would be asked for its first mark."""
    rows = np.array([[2, 77, 3, 0], [2, 3, 0, 0], [2, 78, 79, 3], [0, 0, 0, 0]])
    samples = masked(rows)
    for batches in (samples.in_turn(2), samples.shuffled(0, 0, 3), samples.shuffled(0, 1, 1)):
        assert sorted(np.concatenate(batches)) == [0, 2]
        assert all(len(batch) for batch in batches)
    with pytest.raises(DataError, match="none of 2 texts of a split holds a word"):
        masked(rows[[1, 3]])


def test_words_are_guessed_with_the_input_embedding_itself() -> None:
    guess = Guess(VOCABULARY.embedding)
    assert not any(parameter is VOCABULARY.embedding.weight for parameter in guess.parameters())
    states = torch.randn(5, 6)
    with torch.no_grad():
        linear, _, norm = guess.transform
        turned = norm(F.gelu(states @ linear.weight.T + linear.bias))
        expected = turned @ VOCABULARY.embedding.weight.T + guess.bias
        assert torch.allclose(guess(states), expected, atol=1e-6)
    guess(states).sum().backward()
    assert VOCABULARY.embedding.weight.grad is not None


def test_the_states_of_single_tokens_stand_text_after_text() -> None:
    class Stem(nn.Module):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.stack([tokens.float(), (tokens != 0).float()], 2)

    network = make_network()
    network.backbone.units = nn.ModuleList([Stem(), nn.Identity(), nn.Flatten()])
    network.backbone.width = 1
    inputs = torch.tensor([[[5, 6, 7], [0, 1, 0]], [[8, 9, 0], [1, 1, 0]]])
    assert TokenNetwork(network.backbone, nn.Identity(), 0).features(inputs).ravel().tolist() == [6, 8, 9]


def test_prototypes_are_means_and_logits_minus_squared_distances() -> None:
    support = [[0.0, 0.0], [2.0, 0.0], [4.0, 4.0], [4.0, 6.0]]  # prototypes (1, 0) and (4, 5)
    queries = [[1.0, 1.0], [4.0, 4.0]]
    found = Prototypes(ways=2, shots=2)(torch.tensor(support + queries))
    assert found.tolist() == [[-1.0, -(9.0 + 16.0)], [-(9.0 + 16.0), -1.0]]


def test_an_episode_is_of_one_task_and_shows_each_class_before_it_asks() -> None:
    targets = np.arange(60, dtype=np.int64) % 3
    tasks, shape = np.array(["a", "b"])[np.arange(60) // 3 % 2], Shape(2, 3, 2)
    episodes = Episodes(Views(np.zeros((60, 1), np.float32), targets), pools(targets, tasks, shape), shape)
    drawn = episodes.shuffled(1, 0, 8)
    assert len(drawn) == 60 // 10
    for chunk in (*drawn, *episodes.in_turn(8)):
        assert len(set(chunk.tolist())) == 10
        assert len(set(tasks[chunk])) == 1
        shown, asked = targets[chunk[:6]].reshape(2, 3), targets[chunk[6:]].reshape(2, 2)
        assert (shown == shown[:, :1]).all()
        assert (asked == shown[:, :2]).all()
        assert shown[0, 0] != shown[1, 0]
        assert episodes.expected(chunk, 0).tolist() == [0, 0, 1, 1]
    assert {str(tasks[chunk[0]]) for chunk in drawn} == {"a", "b"}


def known(tasks: np.ndarray, classes: int = 2) -> Known:
    targets = make_samples(1).targets
    return Known((targets, targets), classes, (tasks, tasks))


def test_too_few_samples_for_an_episode_are_an_error() -> None:
    asked = Prototypical(PretrainParams(method="prototypical", tasks="domain", ways=2, shots=8))
    with pytest.raises(DataError, match="No task has 2 classes with 13 samples of each"):
        asked.check(known(np.full(24, "day")))


def test_few_classes_make_no_tasks() -> None:
    with pytest.raises(DataError, match="random classes, and there are 2"):
        Prototypical(PretrainParams(method="prototypical")).check(known(np.full(24, "")))


def test_slow_weights_go_their_share_of_each_run() -> None:
    """θ + ε (U(θ) - θ) after each run of two steps; U by the same optimiser from the same start."""
    start = {n: p.detach().clone() for n, p in make_network().named_parameters()}
    share = 0.25

    def steps(count: int, slow: Slow | None) -> dict[str, torch.Tensor]:
        network = make_network()
        optimiser = Optimiser(network, phases_of(network)[1], 0.01, slow)
        for number in range(count):
            optimiser.step(sum((p * (number + 1)).square().sum() for p in network.trainable().values()))
        return {n: p.detach().clone() for n, p in network.named_parameters()}

    fast, once, between = steps(2, None), steps(2, Slow(2, share)), steps(1, Slow(2, share))
    for name, before in start.items():
        assert torch.allclose(once[name], before + share * (fast[name] - before), atol=1e-7)
    assert any(not torch.equal(between[name], once[name]) for name in start)
    assert all(torch.equal(between[name], tensor) for name, tensor in steps(1, None).items())


def test_runs_stay_with_one_task_and_all_tasks_come() -> None:
    tasks = np.array(["a", "b", "c"])[np.arange(24) % 3]
    runs = Runs(make_samples(1), tasks, 2)
    chunks = runs.shuffled(0, 0, 4)
    assert len(chunks) == 2 * 3
    visited = [{str(task) for chunk in chunks[at : at + 2] for task in tasks[chunk]} for at in (0, 2, 4)]
    assert all(len(seen) == 1 for seen in visited)
    assert set.union(*visited) == {"a", "b", "c"}
    assert all(len(set(chunk.tolist())) == 4 for chunk in chunks)


@pytest.mark.parametrize("tasks", [["day"] * 24, ["day"] * 12 + [""] * 12])
def test_one_task_is_none_to_learn_for(tasks: list[str]) -> None:
    with pytest.raises(DataError, match="needs two tasks or more; all training samples are of 'day'"):
        Reptile(PretrainParams(method="reptile")).check(known(np.array(tasks)))


def test_an_empty_cell_is_no_task() -> None:
    tasks = np.array(["a", "", "b"])[np.arange(24) % 3]
    visited = {
        str(task) for chunk in Runs(make_samples(1), tasks, 2).shuffled(0, 0, 4) for task in tasks[chunk]
    }
    assert visited == {"a", "b"}
    targets = np.arange(24, dtype=np.int64) // 3 % 2
    held = [np.concatenate(list(pool.values())) for pool in pools(targets, tasks, Shape(2, 2, 1))]
    assert [sorted(set(tasks[members])) for members in held] == [["a"], ["b"]]


def blobs(seed: int, counts: tuple[int, ...]) -> np.ndarray:
    draw, centres = np.random.default_rng(seed), np.eye(3) * 5
    return np.concatenate(
        [draw.normal(centre, 0.2, (count, 3)) for centre, count in zip(centres, counts, strict=True)]
    ).astype(np.float32)


def test_blobs_are_clusters_and_others_go_to_the_nearest() -> None:
    train, validation = clustered(blobs(0, (20, 10, 6)), blobs(1, (2, 2, 2)), 3, seed=4)
    assert [len(set(part)) for part in np.split(train, [20, 30])] == [1, 1, 1]
    assert len(set(train)) == 3
    assert validation.tolist() == [train[0]] * 2 + [train[20]] * 2 + [train[30]] * 2
    again, _ = clustered(blobs(0, (20, 10, 6)), blobs(1, (2, 2, 2)), 3, seed=4)
    assert (again == train).all()


def test_each_cluster_weighs_the_same() -> None:
    features = blobs(0, (12, 8, 4))
    samples = make_samples(1)
    asked = Given(samples, make_samples(2), known(np.full(24, "")), 1, 6, 0, lambda: (features, features))
    posed = Clusters(PretrainParams(method="clusters", clusters=3)).pose(asked)
    assert posed.weights is not None
    sums = torch.zeros(3).index_add(0, torch.from_numpy(posed.train.targets), posed.weights)
    assert torch.allclose(sums, torch.full((3,), 8.0))
    assert posed.weights[0].item() == pytest.approx(24 / (3 * 12))


def test_features_that_are_all_the_same_are_refused() -> None:
    same = np.full((24, 6), 0.1, dtype=np.float32)
    with pytest.raises(DataError, match=r"features of all 24 training samples are the same.*checkpoint fits"):
        clustered(same, same[:5], 3, 0)


def test_more_clusters_than_samples_are_refused() -> None:
    with pytest.raises(DataError, match="clusters is 25, but there are 24 training samples"):
        Clusters(PretrainParams(method="clusters", clusters=25)).check(known(np.full(24, "")))
