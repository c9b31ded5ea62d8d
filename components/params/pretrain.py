"""Section `pretrain`: what the network learns from the data before it learns the task."""

from typing import Annotated

from pydantic import Field

from components.params import names
from components.params.choosing import Choosing

Positive = Annotated[float, Field(gt=0)]


class PretrainParams(Choosing):
    """A new starting checkpoint from the user's own data; everything after it starts from there.

    Attributes:
        method: `none`: the checkpoint as it is. Without labels: `simclr` (views of one picture are alike),
            `masked_tokens` (hidden words are guessed), `clusters` (groups of like samples are told apart). With labels,
            for few-shot starts: `reptile` (few steps suffice for each task), `prototypical` (a few samples of a class
            tell the others).
        blocks: how many of the backbone's last blocks learn.
        epochs, batch, learning_rate, weight_decay: of this training alone; a batch of `prototypical` is an episode.
        temperature: of `simclr`: the smaller, the more the hardest samples count.
        projection: of `simclr`: width of what views are compared by.
        masked: of `masked_tokens`: share of the tokens that are asked for.
        clusters: of `clusters`: how many groups.
        tasks: of `reptile` and `prototypical`: `domain`, or the name of a slice, each of whose values is a task of its
            own. None: the tasks of `prototypical` are random classes.
        ways, shots, queries: of `prototypical`: classes of an episode (none: all, at most 5), samples that show a
            class, and samples that are asked for.
        inner_steps, outer_share: of `reptile`: steps on one task, and how far the network then follows.
    """

    method: names.Pretraining = "none"
    blocks: int = Field(default=3, ge=1)
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: Positive = 3e-4
    weight_decay: float = Field(default=1e-4, ge=0)
    temperature: Positive = 0.5
    projection: int = Field(default=128, ge=2)
    masked: float = Field(default=0.15, gt=0, le=0.5)
    clusters: int = Field(default=16, ge=2)
    tasks: str | None = None
    ways: int | None = Field(default=None, ge=2)
    shots: int = Field(default=5, ge=1)
    queries: int = Field(default=5, ge=1)
    inner_steps: int = Field(default=5, ge=1)
    outer_share: float = Field(default=0.5, gt=0, le=1)
