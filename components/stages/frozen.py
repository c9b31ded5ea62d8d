"""Running frozen layers over samples: decoded, resized and inferred side by side, each once in its life."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from components.backbones.base import Backbone
from components.backbones.named import POOLED, SAMPLES, Part
from components.data.ahead import in_order
from components.data.dataset import Dataset
from components.errors import StorageError
from components.export.onnx_file import export_module
from components.modalities.base import Modality
from components.progress import bar, log
from components.runtime.sessions import open_session, run
from components.stages.rows import sample_of, shown
from components.stages.table import Context
from components.storage.samples import Records, SampleStore, Space

SHARD = 256
SEEN = "seen"

Wanted = tuple[str, int]  # row (a sample, or one of its windows), view


@dataclass(frozen=True)
class Frozen:
    """The layers below a cut; equal where they compute the same.

    Attributes:
        weights: SHA-256 of the checkpoint, as `network.open_checkpoint` gives it.
        cut: number of blocks below the cut; `backbone.blocks + 1` means everything, pooled.
        takes: names of the tensors at the top that the head takes.
    """

    backbone: Backbone = field(compare=False)
    weights: str
    cut: int
    takes: tuple[str, ...] = (POOLED,)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tensors at the cut that are needed."""
        return self.backbone.needs(self.cut, self.takes)

    def module(self) -> "Below":
        return Below(self.backbone.below(self.cut, self.names)).eval()

    def space(self, task: Modality) -> Space:
        """Activations are kept in half precision, features in full, token ids as they are."""
        with torch.inference_mode():
            (made,) = self.module()(seen(task))
        shape = made.shape[1:]
        floats = "float32" if len(shape) == 1 else "float16"
        dtype = floats if made.is_floating_point() else str(made.numpy().dtype)
        return Space(self.weights, f"below-{self.cut}", task.view_digest(0), tuple(shape), dtype)


class Below(nn.Module):
    """Pre-processed samples → the tensors at a cut, in the order of their names."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.part({SAMPLES: samples}).values())


class Computation:
    """Raw samples → records, a batch a call; safe in several threads.

    One operator runs on one core, and several batches run side by side: no core waits for another, and a
    record does not depend on how many there are. Batches have a fixed size (the last is padded) and hold samples
    of one size class, so a record does not depend on its company either.
    """

    def __init__(
        self, dataset: Dataset, frozen: Frozen, task: Modality, context: Context, batch: int
    ) -> None:
        self.task = task
        self.threads = context.threads
        self.batch = batch
        self._dataset = dataset
        example = seen(task)
        shape = (batch, *example.shape[1:])
        model = exported(frozen, shape, example.dtype, tuple(task.varying.items()))
        self._layers = open_session(model, context.providers, 1)
        takes = task.signature
        sample = torch.from_numpy(np.zeros((1, *takes.example[1:]), takes.dtype))
        varying = {takes.name: {axis: name for axis, name in takes.varying.items() if axis}}
        model = export_module(task.preprocessor(), (sample,), [takes.name], [SEEN], varying)
        self._preprocess = open_session(model, ["cpu"], 1)

    def size_class(self, wanted: Wanted) -> int:
        return self.task.size_class(self._dataset.read(sample_of(wanted[0])))

    def prepare(self, wanted: Wanted) -> npt.NDArray[np.generic]:
        """What the backbone sees of a row, by the same graph as in the release."""
        row, view = wanted
        sample = sample_of(row)
        whole = self.task.augment(self.task.decode(self._dataset.read(sample)), view, sample)
        array = shown(row, whole, self.task)
        made: npt.NDArray[np.generic] = self._preprocess.run(None, {self.task.signature.name: array[None]})[0]
        return np.asarray(made[0])

    def infer(self, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """(B, …) of one shape, B up to the batch size → activations (B, …)."""
        padding = np.zeros((self.batch - len(samples), *samples.shape[1:]), dtype=samples.dtype)
        feeds = {SEEN: np.concatenate([samples, padding])}
        return run(self._layers, feeds)[0][: len(samples)]

    def __call__(self, chunk: Sequence[Wanted]) -> npt.NDArray[np.generic]:
        return self.infer(np.stack([self.prepare(wanted) for wanted in chunk]))


@lru_cache(maxsize=4)
def exported(
    frozen: Frozen, shape: tuple[int, ...], dtype: torch.dtype, varying: tuple[tuple[int, str], ...]
) -> bytes:
    """The layers as ONNX for inputs like these: kept, because it takes seconds, and stages ask several times."""
    example = torch.zeros(shape, dtype=dtype)
    return export_module(frozen.module(), (example,), [SEEN], frozen.names, {SEEN: dict(varying)})


def stored(
    dataset: Dataset,
    wanted: Sequence[Wanted],
    frozen: Frozen,
    task: Modality,
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


def missing(store: SampleStore, space: Space, task: Modality, wanted: Sequence[Wanted]) -> list[Wanted]:
    """What of `wanted` the store does not hold, each once."""
    keys = {w: _key(task, *w) for w in wanted}
    absent = set(store.missing(space, list(keys.values())))
    return [w for w in keys if keys[w] in absent]


def fill(store: SampleStore, space: Space, compute: Computation, wanted: Sequence[Wanted]) -> None:
    """Compute the records of `wanted` and publish them, a shard after the other."""
    progress = bar(len(wanted), "Frozen layers", "views")
    rows: list[npt.NDArray[np.generic]] = []
    done: list[str] = []
    batches = _batches(compute, wanted)
    computed = in_order(compute, batches, compute.threads, 2 * compute.threads + 1)
    for chunk, records in zip(batches, computed, strict=True):
        rows.append(_filled(records.astype(space.dtype), space.shape))
        done.extend(_key(compute.task, *w) for w in chunk)
        progress.update(len(chunk))
        if len(done) >= SHARD:
            store.add(space, done, np.concatenate(rows))
            rows, done = [], []
    if done:
        store.add(space, done, np.concatenate(rows))
    progress.close()


def _batches(compute: Computation, wanted: Sequence[Wanted]) -> list[Sequence[Wanted]]:
    """Batches of one size class each, small samples first."""
    classes: dict[int, list[Wanted]] = defaultdict(list)
    for one in wanted:
        classes[compute.size_class(one)].append(one)
    starts = [(size, at) for size in sorted(classes) for at in range(0, len(classes[size]), compute.batch)]
    return [classes[size][at : at + compute.batch] for size, at in starts]


def _filled(records: npt.NDArray[np.generic], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Records (B, …) of shorter samples with zeros behind, so that all have one shape."""
    missing = [(0, wanted - held) for wanted, held in zip(shape, records.shape[1:], strict=True)]
    return np.pad(records, [(0, 0), *missing]) if any(after for _, after in missing) else records


def seen(task: Modality) -> torch.Tensor:
    """(1, …): what the backbone sees of some sample, in its full size."""
    sample = task.compact(np.zeros(task.signature.example[1:], task.signature.dtype))
    with torch.inference_mode():
        found: torch.Tensor = task.preprocessor()(torch.from_numpy(sample.copy())[None])
    return found


def _key(task: Modality, sample: str, view: int) -> str:
    """A clean view is told by its sample alone: it outlives a change of the augmentation."""
    return f"{sample}/{view}/{task.view_digest(view)[:16]}" if view else sample
