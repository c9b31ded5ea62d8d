"""Running frozen layers over samples: decoded, resized and inferred side by side, each once in its life."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from onnxruntime import InferenceSession
from torch import nn

from components.backbones.base import Backbone
from components.data.dataset import Dataset
from components.errors import StorageError
from components.export.onnx_file import export_module
from components.params.backbone import InputSpec
from components.progress import bar, log
from components.runtime.sessions import open_session
from components.stages.table import Context
from components.storage.samples import Records, SampleStore, Space
from components.tasks.base import Task

SHARD = 256


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


def stored(
    dataset: Dataset,
    wanted: Sequence[tuple[str, int]],
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
    plan = _Plan(dataset, frozen, task, context, batch)
    _fill(store, space, plan, wanted)
    try:
        return store.read(space, keys)
    except StorageError as error:
        log(f"{error.message} It is computed again.")
        _fill(store, space, plan, wanted)
        return store.read(space, keys)


def _key(task: Task, sample: str, view: int) -> str:
    """A clean view is told by its sample alone: it outlives a change of the augmentation."""
    return f"{sample}/{view}/{task.view_digest(view)[:16]}" if view else sample


def _fill(store: SampleStore, space: Space, plan: "_Plan", wanted: Sequence[tuple[str, int]]) -> None:
    """Compute what `space` lacks.

    Batches have a fixed size (the last is padded), so a record does not depend on its company.
    """
    keys = {w: _key(plan.task, *w) for w in wanted}
    absent = set(store.missing(space, list(keys.values())))
    todo = [w for w in keys if keys[w] in absent]
    if not todo:
        return
    infer = plan.session()
    shown = bar(len(todo), "Frozen layers", "views")
    rows: list[npt.NDArray[np.generic]] = []
    done: list[str] = []
    for chunk, images in _batches(plan, todo):
        rows.append(infer.run(None, {"image": images})[0][: len(chunk)].astype(space.dtype))
        done.extend(keys[w] for w in chunk)
        shown.update(len(chunk))
        if len(done) >= SHARD:
            store.add(space, done, np.concatenate(rows))
            rows, done = [], []
    if done:
        store.add(space, done, np.concatenate(rows))
    shown.close()


@dataclass(frozen=True)
class _Plan:
    """What it takes to compute a record."""

    dataset: Dataset
    frozen: Frozen
    task: Task
    context: Context
    batch: int

    def session(self) -> InferenceSession:
        size = self.frozen.spec.size
        example = torch.zeros(self.batch, 3, size, size)
        model = export_module(self.frozen.module(), (example,), ["image"], ["activation"], {})
        return open_session(model, self.context.providers, self.context.threads)


def _batches(
    plan: _Plan, todo: Sequence[tuple[str, int]]
) -> Iterator[tuple[list[tuple[str, int]], npt.NDArray[np.float32]]]:
    """Batches of ready tensors, prepared by threads up to two batches ahead of the inference."""
    prepare = _Prepare(plan.dataset, plan.task)
    batch = plan.batch
    chunks = [list(todo[start : start + batch]) for start in range(0, len(todo), batch)]
    with ThreadPoolExecutor(plan.context.threads) as pool:
        pending = deque((chunk, pool.map(prepare, chunk)) for chunk in chunks[:2])
        for following in [*chunks[2:], [], []]:
            chunk, prepared = pending.popleft()
            images = np.stack(list(prepared))
            if following:
                pending.append((following, pool.map(prepare, following)))
            padding = np.zeros((batch - len(images), *images.shape[1:]), dtype=images.dtype)
            yield chunk, np.concatenate([images, padding])
            if not pending:
                return


class _Prepare:
    """Raw bytes → what the backbone sees, by the same graph as in the release; safe in several threads."""

    def __init__(self, dataset: Dataset, task: Task) -> None:
        self._dataset = dataset
        self._task = task
        example = torch.zeros(1, 64, 48, 3, dtype=torch.uint8)
        dynamic = {"image": {1: "height", 2: "width"}}
        model = export_module(task.preprocessor(), (example,), ["image"], ["pixels"], dynamic)
        self._session = open_session(model, ["cpu"], 1)

    def __call__(self, wanted: tuple[str, int]) -> npt.NDArray[np.float32]:
        sample, view = wanted
        array = self._task.augment(self._task.decode(self._dataset.read(sample)), view, sample)
        pixels: npt.NDArray[np.float32] = self._session.run(None, {"image": array[None]})[0]
        return np.asarray(pixels[0])


def frozen_input(records: npt.NDArray[np.generic]) -> torch.Tensor:
    """Records as the trained part's input: float32, channels last where there are channels."""
    tensor = torch.from_numpy(records).float()
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
