"""A tiny network of pictures and one of texts, samples that they can learn, and a job; also a program."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.backbones.base import Backbone
from components.errors import Interrupted
from components.methods.base import Group, Phase
from components.methods.objective import Objective, Step
from components.training.batches import Views
from components.training.checkpoints import Checkpoints
from components.training.loop import Loop
from components.training.network import Network
from components.training.optimiser import Optimiser
from components.training.plan import Data, Job, Outcome, Recipe, Watch

SAMPLES, CLASSES, WIDTH = 24, 2, 6
TOKENS, VOCABULARY = 8, 11
Shown = Literal["picture", "text"]
RATES = {"picture": 0.02, "text": 0.05}
SHOWN: tuple[Shown, ...] = get_args(Shown)


def unit(into: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = unit(4, WIDTH)
        self.drop = nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.drop(self.conv(images).mean((2, 3)))
        return pooled


def make_backbone(blocks: int = 2, shown: Shown = "picture") -> Backbone:
    """Stem, blocks, head convolution; of texts a BERT."""
    torch.manual_seed(0)
    if shown == "text":
        return _bert(blocks)
    return Backbone([unit(3, 4), *(unit(4, 4) for _ in range(blocks)), Pooled()], width=WIDTH)


def _bert(layers: int) -> Backbone:
    # Whoever has pictures only does without the seconds of these imports.
    from transformers import BertConfig, BertModel

    from components.backbones.bert import chain

    sizes = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 2 * WIDTH}
    # The usual deviation, 0.02, is for layers a hundred times as wide: here they would say nothing.
    config = BertConfig(
        **sizes,
        num_hidden_layers=layers,
        vocab_size=VOCABULARY,
        max_position_embeddings=TOKENS,
        initializer_range=0.3,
    )
    return chain(BertModel(config, add_pooling_layer=False))


def make_network(
    blocks: int = 2, cut: int | None = None, objectives: Iterable[Objective] = (), shown: Shown = "picture"
) -> Network:
    """A backbone with a head; of pictures cut behind its first block, of texts not at all: it takes token ids."""
    if cut is None:
        cut = 1 if shown == "picture" else 0
    return Network(make_backbone(blocks, shown), nn.Linear(WIDTH, CLASSES), cut, objectives)


def loss(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    each = F.cross_entropy(logits, targets, reduction="none", label_smoothing=label_smoothing)
    return each.mean() if weights is None else (each * weights).mean()


def scores(logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """What the learning curve shows beside the loss."""
    return {"accuracy": (logits.argmax(1) == targets).float()}


def make_samples(seed: int, views: int = 1, shift: float = 0.0, shown: Shown = "picture") -> Views:
    """Activations (4, 6, 6) in half precision whose mean tells the class; `shift` makes another domain of them.

    Of texts token ids (8,) instead, whose half of the words is the likelier one tells the class.
    """
    if shown == "text":
        return _texts(seed, views, shift)
    draw = np.random.default_rng(seed)
    targets = np.arange(SAMPLES, dtype=np.int64) % CLASSES
    rows = draw.normal(size=(views * SAMPLES, 4, 6, 6)) + np.tile(targets, views)[:, None, None, None]
    rows[:, :2] += shift
    return Views(rows.astype(np.float16), targets, views, seed)


def _texts(seed: int, views: int, shift: float) -> Views:
    """A mark, words 2 to 9, padding; where domains differ, every other word or fewer is a 10."""
    draw = np.random.default_rng(seed)
    targets = np.arange(SAMPLES, dtype=np.int64) % CLASSES
    size = (views * SAMPLES, TOKENS)
    mostly = np.where(draw.random(size) < 0.92, np.tile(targets, views)[:, None], draw.integers(2, size=size))
    rows = 2 + 4 * mostly + draw.integers(4, size=size)
    rows[draw.random(size) < shift / 3] = VOCABULARY - 1
    rows[:, 0] = 1
    rows[np.arange(TOKENS) >= draw.integers(4, TOKENS + 1, size=(len(rows), 1))] = 0
    return Views(rows, targets, views, seed)


def lower(name: str) -> bool:
    """Whether a tensor belongs to the stem or the first block: a picture's lie below the cut, a text's are frozen."""
    return name.startswith(("backbone.units.0.", "backbone.units.1."))


def phases_of(network: Network, epochs: int = 3, shown: Shown = "picture") -> tuple[Phase, ...]:
    names = tuple(name for name in network.above_names() if not lower(name))
    head, above = Group(network.head_names(), RATES[shown]), Group(names, RATES[shown] / 2)
    return Phase("head", 1, (head,), adapt_statistics=False), Phase("blocks", epochs, (head, above))


def train(network: Network, folder: Path | None, recipe: Recipe) -> Outcome:
    """One epoch for the head, then three for all above the cut."""
    data = Data(make_samples(1, views=2), make_samples(2))
    watch = Watch("Tiny", checkpoints=Checkpoints(folder) if folder else None)
    return Loop(Job(network, loss, phases_of(network), scores=scores), data, recipe, watch).fit()


def killed_at(loop: Loop, last: int) -> None:
    """Run the loop's training until it is interrupted before step `last`, counted from 0 over all phases."""
    run_step, steps = loop._run_step, iter(range(last + 1))

    def stop(step: Step, optimiser: Optimiser) -> float:
        if next(steps) == last:
            raise Interrupted("killed")
        return run_step(step, optimiser)

    loop._run_step = stop  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        loop.fit()


def digest(network: Network, outcome: Outcome) -> str:
    """Of all that a training leaves behind: its curve and every tensor."""
    made = hashlib.sha256(repr(outcome.history).encode())
    for name, tensor in sorted(network.state_dict().items()):
        made.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return made.hexdigest()


if __name__ == "__main__":
    trained = make_network()
    sys.stdout.write(digest(trained, train(trained, Path(sys.argv[1]), Recipe(seed=3, batch=8))))
