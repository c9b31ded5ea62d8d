"""Running frozen layers over samples: decoded, resized and inferred side by side, each once in its life."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from components.backbones.base import Backbone
from components.data.ahead import in_order
from components.data.dataset import Dataset
from components.errors import StorageError
from components.export.onnx_file import export_module
from components.params.backbone import InputSpec
from components.progress import bar, log
from components.runtime.sessions import open_session, run
from components.stages.table import Context
from components.storage.samples import Records, SampleStore, Space
from components.tasks.base import Task

SHARD = 256

Wanted = tuple[str, int]  # sample id, view


@dataclass(frozen=True)
class Frozen:
    """The layers below a cut.

    Attributes:
        weights: SHA-256 of the checkpoint's weights.
        cut: number of blocks below the cut; `backbone.blocks + 1` means everything, pooled.
    """

    backbone: Backbone
    weights: str
    spec: InputSpec
    cut: int

    def module(self) -> nn.Module:
        return self.backbone.below(self.cut).eval()

    def space(self, task: Task) -> Space:
        """Activations are kept in half precision, features in full."""
        with torch.inference_mode():
            shape = self.module()(torch.zeros(1, 3, self.spec.size, self.spec.size)).shape[1:]
        dtype = "float32" if len(shape) == 1 else "float16"
        return Space(self.weights, f"below-{self.cut}", task.view_digest(0), tuple(shape), dtype)


class Computation:
    """Raw samples → records, a batch a call; safe in several threads.

    One operator runs on one core, and several batches run side by side: no core waits for another, and a
    record does not depend on how many there are. Batches have a fixed size (the last is padded), so a record
    does not depend on its company either.
    """

    def __init__(self, dataset: Dataset, frozen: Frozen, task: Task, context: Context, batch: int) -> None:
        self.task = task
        self.threads = context.threads
        self.batch = batch
        self._dataset = dataset
        size = frozen.spec.size
        example = torch.zeros(batch, 3, size, size)
        model = export_module(frozen.module(), (example,), ["image"], ["activation"], {})
        self._layers = open_session(model, context.providers, 1)
        pixels = torch.zeros(1, 64, 48, 3, dtype=torch.uint8)
        dynamic = {"image": {1: "height", 2: "width"}}
        model = export_module(task.preprocessor(), (pixels,), ["image"], ["pixels"], dynamic)
        self._preprocess = open_session(model, ["cpu"], 1)

    def prepare(self, wanted: Wanted) -> npt.NDArray[np.float32]:
        """What the backbone sees of a sample, (3, S, S), by the same graph as in the release."""
        sample, view = wanted
        array = self.task.augment(self.task.decode(self._dataset.read(sample)), view, sample)
        pixels: npt.NDArray[np.float32] = self._preprocess.run(None, {"image": array[None]})[0]
        return np.asarray(pixels[0])

    def infer(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
        """(B, 3, S, S), B up to the batch size → activations (B, …)."""
        padding = np.zeros((self.batch - len(images), *images.shape[1:]), dtype=images.dtype)
        feeds = {"image": np.concatenate([images, padding])}
        return run(self._layers, feeds)[0][: len(images)]

    def __call__(self, chunk: Sequence[Wanted]) -> npt.NDArray[np.generic]:
        return self.infer(np.stack([self.prepare(wanted) for wanted in chunk]))


def stored(
    dataset: Dataset,
    wanted: Sequence[Wanted],
    frozen: Frozen,
    task: Task,
    context: Context,
    batch: int,
) -> Records:
    """The output of `frozen` for each wanted (sample id, view), in that order, from the sample store.

    What the store does not hold, or holds damaged, is computed first.
    """
    store = SampleStore(context.cache / "store")
    space = frozen.space(task)
    keys = [_key(task, *w) for w in wanted]

    def fill_up() -> None:
        if absent := missing(store, space, task, wanted):
            fill(store, space, Computation(dataset, frozen, task, context, batch), absent)

    fill_up()
    try:
        return store.read(space, keys)
    except StorageError as error:
        log(f"{error.message} It is computed again.")
        fill_up()
        return store.read(space, keys)


def missing(store: SampleStore, space: Space, task: Task, wanted: Sequence[Wanted]) -> list[Wanted]:
    """What of `wanted` the store does not hold, each once."""
    keys = {w: _key(task, *w) for w in wanted}
    absent = set(store.missing(space, list(keys.values())))
    return [w for w in keys if keys[w] in absent]


def fill(store: SampleStore, space: Space, compute: Computation, wanted: Sequence[Wanted]) -> None:
    """Compute the records of `wanted` and publish them, a shard after the other."""
    shown = bar(len(wanted), "Frozen layers", "views")
    rows: list[npt.NDArray[np.generic]] = []
    done: list[str] = []
    batches = [wanted[start : start + compute.batch] for start in range(0, len(wanted), compute.batch)]
    computed = in_order(compute, batches, compute.threads, 2 * compute.threads + 1)
    for chunk, records in zip(batches, computed, strict=True):
        rows.append(records.astype(space.dtype))
        done.extend(_key(compute.task, *w) for w in chunk)
        shown.update(len(chunk))
        if len(done) >= SHARD:
            store.add(space, done, np.concatenate(rows))
            rows, done = [], []
    if done:
        store.add(space, done, np.concatenate(rows))
    shown.close()


def _key(task: Task, sample: str, view: int) -> str:
    """A clean view is told by its sample alone: it outlives a change of the augmentation."""
    return f"{sample}/{view}/{task.view_digest(view)[:16]}" if view else sample


def frozen_input(records: npt.NDArray[np.generic]) -> torch.Tensor:
    """Records as the trained part's input: float32, channels last where there are channels."""
    tensor = torch.from_numpy(records).float()
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
