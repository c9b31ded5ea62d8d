"""Out of memory once: the same training again, with fewer samples in the network at once.

A batch goes through in pieces, whose gradients add up to the batch's: the loss is a mean over samples, so each piece
counts by its share. Equal it is not: norms that take statistics of what they see see less of it, dropout draws in
another order, and sums are rounded elsewhere. So how many samples went through at once is part of the result.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from components.errors import OutOfMemory
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
        for piece in pieces(batch, self.micro):
            share = len(piece.targets) / len(batch.targets)
            (loss,) = self._losses(self._forward(piece, None))
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
        yield Batch(batch.indices[part], batch.inputs[part], batch.targets[part])


def fit_in_memory(loop: Loop) -> Outcome:
    """Run the loop's training; where memory runs out, once more from where it began, half a batch at once.

    Raises OutOfMemory where it runs out again, or where a batch cannot be taken in parts: objectives and tasks look at
    it as a whole.
    """
    micro = loop.recipe.batch // 2
    whole = bool(loop.network.objectives) or loop.data.unlabelled is not None or micro < 1
    start = {} if whole else {n: t.to("cpu", copy=True) for n, t in loop.network.above_state().items()}
    try:
        return loop.fit()
    except OutOfMemory as error:
        if whole:
            raise
        said = error.message
    # Outside the handler: its traceback holds what filled the memory.
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
