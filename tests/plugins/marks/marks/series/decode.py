"""Samples are files of 1 to 4096 bytes; the network sees windows of `task.length` of them, as numbers from -1 to 1."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from components.errors import DataError, ParamsError
from components.modalities.base import Inspection, Sample, Signature
from components.params.backbone import InputSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams
from components.problems.windows import Window
from marks.series.params import SeriesParams

VERSION = 1  # to be raised when anything that the network sees changes
LONGEST, SIDE = 4096, 64


class Scaled(nn.Module):
    """Bytes (B, length) → (x - 127.5) / 127.5."""

    def forward(self, sample: Tensor) -> Tensor:
        return (sample.float() - 127.5) / 127.5


class Modality:
    """See components.modalities.base.Modality for what each member promises."""

    assets: Sequence[str] = ()
    varying: Mapping[int, str] = MappingProxyType({})
    vocabulary = None

    def __init__(
        self,
        params: TaskParams,
        spec: InputSpec | None = None,
        augment: AugmentParams | None = None,
        assets: Path | None = None,
    ) -> None:
        options = params.options(SeriesParams)
        self._length, self._stride = options.length, options.stride
        self._augment = augment or AugmentParams(views=1)
        if spec is not None and spec.size != self._length:
            raise ParamsError(f"task.length is {self._length}, but the backbone takes {spec.size} bytes.")
        if self._stride > self._length:
            raise ParamsError(
                f"task.stride is {self._stride}: bytes between windows of {self._length} are lost."
            )
        self.windowing = {"length": self._length, "stride": self._stride}
        self.signature = Signature(
            name="series",
            dtype="uint8",
            axes=("batch", self._length),
            example=(2, self._length),
            largest=((32, self._length),),
            typical=(self._length,),
            values=256,
        )

    @property
    def views(self) -> Sequence[str]:
        return tuple(str(view) for view in range(self._augment.views))

    def view_digest(self, view: int) -> str:
        described = {"modality": "series", "version": VERSION, "view": min(view, 1), **self.windowing}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def decode(self, payload: bytes) -> npt.NDArray[np.uint8]:
        if not 0 < len(payload) <= LONGEST:
            raise DataError(f"has {len(payload)} bytes, not 1 to {LONGEST}")
        return np.frombuffer(payload, dtype=np.uint8).copy()

    def windows(self, sample: Sample) -> Sequence[Window]:
        """The last one reaches the end; behind it are zeros."""
        last = max(0, -(-(len(sample) - self._length) // self._stride))
        found = []
        for start in range(0, last * self._stride + 1, self._stride):
            seen = sample[start : start + self._length]
            padded = np.pad(seen, (0, self._length - len(seen)))
            found.append(Window(padded, (start,), (start + len(seen),)))
        return found

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        """Near copies are not looked for: the fingerprints of two different samples have nothing in common."""
        values = np.resize(self.decode(payload).astype(np.float64), SIDE * SIDE)
        centred = values - values.mean()
        thumbnail = (centred / max(float(np.linalg.norm(centred)), 1e-12)).astype(np.float32)
        fingerprint = int.from_bytes(hashlib.sha256(payload).digest()[:8], "big")
        return Inspection({"bytes": len(payload)}, fingerprint, thumbnail.reshape(SIDE, SIDE))

    def compact(self, sample: Sample) -> Sample:
        return sample

    def augment(self, sample: Sample, view: int, sample_id: str) -> Sample:
        """Each byte one up, one down, or as it is."""
        if view == 0:
            return sample
        key = hashlib.sha256(f"{sample_id}/{view}".encode()).digest()[:16]
        draw = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
        moved = sample.astype(np.int64) + draw.integers(-1, 2, len(sample))
        return moved.clip(0, 255).astype(np.uint8)

    def preprocessor(self) -> nn.Module:
        return Scaled().eval()

    def preview(self, sample: Sample, side: int) -> None:
        return None

    def words(self, sample: Sample) -> Sequence[str]:
        return [f" {value:02x}" for value in sample.tolist()]
