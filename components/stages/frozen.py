"""Running frozen layers over samples: decoded, resized and inferred side by side, each once in its life."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
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
from components.export.onnx_file import export_module
from components.modalities.base import Modality
from components.runtime.sessions import open_session, run
from components.stages.rows import rows_in, sample_of
from components.stages.table import Context
from components.storage.samples import Field, Space

SEEN = "seen"

Array = npt.NDArray[np.generic]
Indices = npt.NDArray[np.int64]
Wanted = tuple[str, int]  # row (a sample, or one of its windows), view
Chunk = tuple[Sequence[Wanted], dict[str, Array]]


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
        """On the CPU, where it is exported, wherever a training has brought the backbone."""
        part = Below(self.backbone.below(self.cut, self.names)).eval()
        away = any(parameter.device.type != "cpu" for parameter in part.parameters())
        return deepcopy(part).cpu() if away else part

    def spaces(self, task: Modality) -> tuple[Space, ...]:
        """Where each tensor is kept: activations in half precision, features in full, token ids as they are.

        Heads that take other tensors have other graphs, whose bytes may differ: so where a graph has several outputs,
        its spaces name them all.
        """
        with torch.inference_mode():
            made = self.module()(seen(task))
        cut = " ".join([f"below-{self.cut}", *(self.names if len(self.names) > 1 else ())])
        return tuple(
            Space(self.weights, cut, task.view_digest(0), _field(name, tensor))
            for name, tensor in zip(self.names, made, strict=True)
        )


class Below(nn.Module):
    """Pre-processed samples → the tensors at a cut, in the order of their names."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.part({SAMPLES: samples}).values())


class Computation:
    """Raw samples → tensors at the cut, a batch a call; safe in several threads.

    One operator runs on one core, and several batches run side by side: no core waits for another, and a
    record does not depend on how many there are. Batches have a fixed size (the last is padded) and hold samples
    of one shape, so a record does not depend on its company either.
    """

    def __init__(
        self, dataset: Dataset, frozen: Frozen, task: Modality, context: Context, batch: int
    ) -> None:
        self.task = task
        self.threads = context.threads
        self.batch = batch
        self._dataset = dataset
        self._names = frozen.names
        example = seen(task)
        shape = (batch, *example.shape[1:])
        model = exported(frozen, shape, example.dtype, tuple(task.varying.items()))
        self._layers = open_session(model, context.providers, 1)
        takes = task.signature
        sample = torch.from_numpy(np.zeros((1, *takes.example[1:]), takes.dtype))
        varying = {takes.name: {axis: name for axis, name in takes.varying.items() if axis}}
        model = export_module(task.preprocessor(), (sample,), [takes.name], [SEEN], varying)
        self._preprocess = open_session(model, ["cpu"], 1)

    def prepare(self, sample: str, wanted: Sequence[Wanted] | None = None) -> list[Array]:
        """What the backbone sees of rows of a sample, each in its view, by the same graph as in the release.

        Without `wanted` the clean sample as a whole.

        The sample is read, hashed and decoded once, and augmented once for each view.
        """
        wanted = wanted or [(sample, 0)]
        decoded = self.task.decode(self._dataset.read(sample))
        shown: dict[Wanted, Array] = {}
        for view in {view for _, view in wanted}:
            names = [row for row, other in wanted if other == view]
            rows = rows_in(self.task.augment(decoded, view, sample), names, self.task)
            shown |= {(name, view): row for name, row in zip(names, rows, strict=True)}
        name = self.task.signature.name
        return [np.asarray(self._preprocess.run(None, {name: shown[one][None]})[0][0]) for one in wanted]

    def infer(self, samples: Array, names: Sequence[str] | None = None) -> dict[str, Array]:
        """(B, …) of one shape, B up to the batch size → tensors (B, …) at the cut: all, or those named.

        Whatever is asked for is computed by one graph, so its bytes do not depend on what else is.
        """
        padding = np.zeros((self.batch - len(samples), *samples.shape[1:]), dtype=samples.dtype)
        wanted = self._names if names is None else names
        made = run(self._layers, {SEEN: np.concatenate([samples, padding])}, names=wanted)
        return {name: array[: len(samples)] for name, array in zip(wanted, made, strict=True)}

    def rows(self, wanted: Sequence[Wanted], names: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The tensors of all that is wanted, in chunks, in any order; each sample is read once."""

        def work(shown: Sequence[tuple[Wanted, Array]]) -> Chunk:
            made = self.infer(np.stack([array for _, array in shown]), names)
            return [one for one, _ in shown], made

        return in_order(work, self._batches(wanted), self.threads, 2 * self.threads + 1)

    def _batches(self, wanted: Sequence[Wanted]) -> Iterator[Sequence[tuple[Wanted, Array]]]:
        """What the backbone sees, in batches of one shape each."""
        samples: dict[str, list[Wanted]] = defaultdict(list)
        for one in wanted:
            samples[sample_of(one[0])].append(one)
        waiting: dict[tuple[int, ...], list[tuple[Wanted, Array]]] = defaultdict(list)
        prepared = in_order(
            lambda item: self.prepare(*item), samples.items(), self.threads, 2 * self.threads + 1
        )
        for rows, arrays in zip(samples.values(), prepared, strict=True):
            for one, array in zip(rows, arrays, strict=True):
                waiting[array.shape].append((one, array))
                if len(waiting[array.shape]) == self.batch:
                    yield waiting.pop(array.shape)
        yield from waiting.values()


@lru_cache(maxsize=4)
def exported(
    frozen: Frozen, shape: tuple[int, ...], dtype: torch.dtype, varying: tuple[tuple[int, str], ...]
) -> bytes:
    """The layers as ONNX for inputs like these: kept, because it takes seconds, and stages ask several times."""
    example = torch.zeros(shape, dtype=dtype)
    return export_module(frozen.module(), (example,), [SEEN], frozen.names, {SEEN: dict(varying)})


def seen(task: Modality) -> torch.Tensor:
    """(1, …): what the backbone sees of some sample, in its full size."""
    sample = task.compact(np.zeros(task.signature.example[1:], task.signature.dtype))
    with torch.inference_mode():
        found: torch.Tensor = task.preprocessor()(torch.from_numpy(sample.copy())[None])
    return found


def _field(name: str, made: torch.Tensor) -> Field:
    shape = tuple(made.shape[1:])
    floats = "float32" if len(shape) == 1 else "float16"
    return Field(name, shape, floats if made.is_floating_point() else str(made.numpy().dtype))
