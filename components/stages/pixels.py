"""Decoded and resized samples, on disk, for a network that trains from the pixels on: memory stays flat."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from components.data.dataset import Dataset
from components.params.backbone import InputSpec
from components.progress import progress
from components.stages.table import Context
from components.storage.scratch import scratch
from components.tasks.base import Task

Indices = npt.NDArray[np.int64]


class Pixels:
    """Views of samples as a backbone's input: `pixels[rows]` → float32 (len(rows), 3, S, S), normalised.

    Row view * N + sample. The file below holds uint8 (N, S, S, 3) and has no name: it goes with the process,
    however that ends.
    """

    def __init__(self, dataset: Dataset, ids: Sequence[str], spec: InputSpec, task: Task) -> None:
        self._dataset = dataset
        self._ids = ids
        self._spec = spec
        self._task = task
        self._resize = task.preprocessor()
        self._map: npt.NDArray[np.uint8] = np.empty((0, spec.size, spec.size, 3), dtype=np.uint8)

    def fill(self, context: Context) -> "Pixels":
        """Decode and resize everything once."""
        shape = (len(self._ids), self._spec.size, self._spec.size, 3)
        self._map = scratch(context.cache / "training", "uint8", shape).view(np.uint8)
        with ThreadPoolExecutor(context.threads) as pool:
            numbers = range(len(self._ids))
            for _ in progress(pool.map(self._place, numbers), "Decoding", "images", len(self._ids)):
                pass
        return self

    def __getitem__(self, rows: Indices) -> npt.NDArray[np.float32]:
        views, samples = np.divmod(rows, len(self._ids))
        shown = [
            self._task.augment(self._map[sample], int(view), self._ids[sample])
            for view, sample in zip(views, samples, strict=True)
        ]
        mean, std = (np.array(v, dtype=np.float32) for v in (self._spec.mean, self._spec.std))
        scaled: npt.NDArray[np.float32] = (np.stack(shown).astype(np.float32) - mean) / std
        return scaled.transpose(0, 3, 1, 2)

    @torch.inference_mode()
    def _place(self, number: int) -> None:
        """Pre-processing with the normalisation taken back, so that a byte a channel suffices."""
        sample = self._task.decode(self._dataset.read(self._ids[number]))
        pixels = self._resize(torch.tensor(sample)[None])[0].permute(1, 2, 0)
        raw = pixels * torch.tensor(self._spec.std) + torch.tensor(self._spec.mean)
        self._map[number] = raw.round().clamp(0, 255).to(torch.uint8).numpy()
