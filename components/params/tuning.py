"""Section `tune`: what trains, for how long, how fast."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.params import names
from components.params.choosing import Choosing

Positive = Annotated[float, Field(gt=0)]


class TuneParams(Choosing):
    """Fine-tuning of the last blocks from activations at the cut.

    Further keys are those of methods that another package brings.

    Attributes:
        method: what of the last blocks learns, and when: all of them (`last_blocks`), one after the other from the
            top (`gradual_unfreezing`), the lower the slower (`layerwise_rates`), only their biases (`bias_only`), or
            what is added to their weights with a low rank (`lora`).
        blocks: how many of the backbone's last blocks learn.
        batch: samples a step. Where memory does not hold them, the training begins once more with half of them in the
            network at once, whose gradients are added up; tuned.json then says `micro_batch`. Not with an objective
            that compares the samples of a batch with each other (`mmd`, `coral`, `mcc`, `information_maximisation`)
            or with auxiliary tasks: those end with an error that names them.
        head_epochs: epochs in which the head alone learns, before the blocks follow.
        start: what training starts from: the `checkpoint`, or the network that was trained on the `source` domain.
        freeze: regular expressions: parameters above the cut whose names they match stay as they are.
        norms: whether norms and their running statistics `adapt` with what trains, or stay `frozen`.
        layer_decay: of `layerwise_rates`: each unit's rate, as a share of that of the unit above it.
        rank: of `lora`: rank of what is added to a weight.
        alpha: of `lora`: what is added counts alpha / rank times.
        patience: epochs without a better one until training stops.
        best_by: what of the labelled validation samples finds the best epoch: their loss, or a metric, which asks only
            for decisions: with few labels the loss grows, as answers get too sure, while decisions still get better.
            `domains.criterion` takes its place where labels are hidden.
        then: what follows training, by unlabelled samples of the target, above the cut: batch norms take the target's
            statistics (`adabn`), or norms learn to make its answers sure (`tent`).
        then_epochs: of `tent`.
    """

    method: names.Method = "last_blocks"
    blocks: int = Field(default=5, ge=1)
    start: Literal["checkpoint", "source"] = "checkpoint"
    freeze: tuple[str, ...] = ()
    norms: Literal["adapt", "frozen"] = "adapt"
    epochs: int = Field(default=8, ge=1)
    head_epochs: int = Field(default=1, ge=0)
    batch: int = Field(default=32, ge=2)
    learning_rate: Positive = 1e-3
    layer_decay: float = Field(default=0.8, gt=0, le=1)
    rank: int = Field(default=8, ge=1)
    alpha: Positive = 16
    weight_decay: float = Field(default=1e-4, ge=0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    patience: int = Field(default=4, ge=1)
    best_by: str = "loss"
    then: names.Then = "none"
    then_epochs: int = Field(default=1, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    @field_validator("freeze")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return patterns

    @model_validator(mode="after")
    def _head_first(self) -> "TuneParams":
        if self.head_epochs >= self.epochs:
            raise ValueError(
                f"tune.epochs is {self.epochs}, of which tune.head_epochs, {self.head_epochs}, leave none to the "
                f"blocks; set tune.epochs to {self.head_epochs + 1} or more, or tune.head_epochs to less"
            )
        return self
