"""Out of memory once: the same training again, with fewer samples in the network at once.

A batch goes through in pieces, whose gradients add up to the batch's: the loss is a mean over samples, so each piece
counts by its share. The unlabelled batch beside it, which is of the same size, is cut at the same places. Equal it is
not: norms that take statistics of what they see see less of it, dropout draws in another order, and sums are rounded
elsewhere. So how many samples went through at once is part of the result.

What compares the samples of a batch with each other (`Objective.whole_batch`, auxiliary tasks) has other values on
parts of it: such a training is not tried again, and its error says why.
"""

import gc
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import torch

from components.errors import OutOfMemory
from components.methods.samples import cut
from components.progress import log
from components.training.batches import Batch
from components.training.interrupts import crash_point
from components.training.loop import Loop
from components.training.optimiser import Optimiser
from components.training.plan import Data, Job, Outcome, Recipe, Watch


class Accumulating(Loop):
    """A loop whose steps take `micro` samples at once."""

    def __init__(self, job: Job, data: Data, recipe: Recipe, watch: Watch, micro: int) -> None:
        super().__init__(job, data, recipe, watch)
        self.micro = micro

    def _advance(self, batch: Batch, unlabelled: Batch | None, optimiser: Optimiser) -> float:
        value = 0.0
        optimiser.clear()
        beside = repeat(None) if unlabelled is None else pieces(unlabelled, self.micro)
        for piece, other in zip(pieces(batch, self.micro), beside, strict=unlabelled is not None):
            share = len(piece.targets) / len(batch.targets)
            (loss,) = self._losses(self._forward(piece, other))
            self._check_finite(loss.item(), optimiser.rate, "loss")
            (loss * share).backward()  # type: ignore[no-untyped-call]
            value += loss.item() * share
        optimiser.move()
        self.counters.steps += 1
        if self._bar is not None:
            self._bar.update(len(batch.indices))
        crash_point(f"step:{self.counters.steps}")
        return value


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """The batch in parts of `size` samples, the last one smaller."""
    for start in range(0, len(batch.targets), size):
        part = slice(start, start + size)
        yield Batch(batch.indices[part], cut(batch.inputs, part), batch.targets[part])


def fit_in_memory(loop: Loop) -> Outcome:
    """Run the loop's training; where memory runs out, once more from where it began, half a batch at once.

    Raises OutOfMemory where it runs out again, or where a batch cannot be taken in parts: the message says what looks
    at it as a whole.
    """
    micro, whole = loop.recipe.batch // 2, _whole(loop)
    once = bool(whole) or micro < 1
    start = {} if once else {n: t.to("cpu", copy=True) for n, t in loop.network.above_state().items()}
    try:
        return loop.fit()
    except OutOfMemory as error:
        if whole:
            raise OutOfMemory(
                f"{error.message} They cannot be taken in parts: {' and '.join(whole)} would be another loss then.",
                error.remedy,
            ) from error
        if once:
            raise
        said = error.message
    # Outside the handler: its traceback holds what filled the memory, and is itself part of a cycle of references.
    gc.collect()
    torch.cuda.empty_cache()
    log(f"{said} Once more, with {micro} at once; gradients are added up to those of {loop.recipe.batch}.")
    loop.watch.tracker.tags({"memory": f"ran out; micro-batches of {micro}"})
    again = Accumulating(loop.job, loop.data, loop.recipe, loop.watch, micro)
    again.restore(start)
    try:
        return replace(again.fit(), micro_batch=micro)
    except OutOfMemory as error:
        raise OutOfMemory(
            f"Memory ran out with batches of {loop.recipe.batch} samples, and again with {micro} of them at once.",
            f"Set {loop.watch.section}.batch to {max(micro // 2, 2)} and run the same command.",
        ) from error


def _whole(loop: Loop) -> list[str]:
    """Names of what was added to the loss and looks at a batch as a whole."""
    found = [one for one in loop.objectives if one.whole_batch]
    named = [f"the objective {type(one).__module__.rpartition('.')[2]}" for one in found]  # its file's name
    return [*named, *(["objectives.tasks"] if loop.tasks else [])]
