"""Samples in the one shape that a network wants, on disk, for one that trains from the input on: memory stays flat."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from components.data.dataset import Dataset
from components.modalities.base import Modality, Sample
from components.progress import progress
from components.stages.rows import rows_in, sample_of
from components.stages.table import Context
from components.storage.scratch import scratch

Indices = npt.NDArray[np.int64]


class CompactSamples:
    """Views of samples as a backbone's input: `samples[rows]` → (len(rows), …), pre-processed.

    Row view * N + sample. Of samples that are cut, each window is a sample here, and is augmented by itself. The file
    below holds what `Modality.compact` gives and has no name: it goes with the process, however that ends.
    """

    def __init__(self, dataset: Dataset, ids: Sequence[str], task: Modality) -> None:
        self._dataset = dataset
        self._ids = ids
        self._task = task
        self._preprocess = task.preprocessor()
        self._map: Sample = np.empty(0, dtype=task.signature.dtype)

    def fill(self, context: Context) -> "CompactSamples":
        """Decode everything once."""
        dtype = self._task.signature.dtype
        one = self._task.compact(np.zeros(self._task.signature.example[1:], dtype))
        shape = (len(self._ids), *one.shape)
        self._map = scratch(context.cache / "training", dtype, shape)
        with ThreadPoolExecutor(context.threads) as pool:
            samples: dict[str, list[int]] = defaultdict(list)
            for number, row in enumerate(self._ids):
                samples[sample_of(row)].append(number)
            placed = pool.map(self._place, samples, samples.values())
            for _ in progress(placed, "Decoding", "samples", len(samples)):
                pass
        return self

    @torch.inference_mode()
    def __getitem__(self, rows: Indices) -> npt.NDArray[np.generic]:
        views, samples = np.divmod(rows, len(self._ids))
        views_of = [
            self._task.augment(self._map[sample], int(view), self._ids[sample])
            for view, sample in zip(views, samples, strict=True)
        ]
        made: npt.NDArray[np.generic] = self._preprocess(torch.from_numpy(np.stack(views_of))).numpy()
        return made

    def _place(self, sample: str, numbers: Sequence[int]) -> None:
        """Rows of one sample, which is read and decoded once."""
        decoded = self._task.decode(self._dataset.read(sample))
        rows = rows_in(decoded, [self._ids[number] for number in numbers], self._task)
        for number, row in zip(numbers, rows, strict=True):
            self._map[number] = self._task.compact(row)
