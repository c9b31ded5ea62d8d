"""Samples are files of `task.length` bytes; the network sees them as numbers from -1 to 1."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from components.errors import DataError, ParamsError
from components.modalities.base import Inspection, Sample, Signature, Whole
from components.params.backbone import InputSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams
from counts.bytes.params import BytesParams

VERSION = 1  # to be raised when anything that the network sees changes
SIDE = 64


class Scaled(nn.Module):
    """Bytes (B, length) → (x - 127.5) / 127.5."""

    def forward(self, sample: Tensor) -> Tensor:
        return (sample.float() - 127.5) / 127.5


class Modality(Whole):
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
        self._length = params.options(BytesParams).length
        self._augment = augment or AugmentParams(views=1)
        if spec is not None and spec.size != self._length:
            raise ParamsError(f"task.length is {self._length}, but the backbone takes {spec.size} bytes.")
        self.signature = Signature(
            name="bytes",
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
        described = {"modality": "bytes", "version": VERSION, "length": self._length, "view": min(view, 1)}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def decode(self, payload: bytes) -> npt.NDArray[np.uint8]:
        if len(payload) != self._length:
            raise DataError(f"has {len(payload)} bytes, not {self._length}")
        return np.frombuffer(payload, dtype=np.uint8).copy()

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        """Near copies are not looked for: the fingerprints of two different samples have nothing in common."""
        sample = self.decode(payload)
        values = np.resize(sample.astype(np.float64), SIDE * SIDE)
        centred = values - values.mean()
        thumbnail = (centred / max(float(np.linalg.norm(centred)), 1e-12)).astype(np.float32)
        fingerprint = int.from_bytes(hashlib.sha256(payload).digest()[:8], "big")
        return Inspection({"distinct": len(set(payload))}, fingerprint, thumbnail.reshape(SIDE, SIDE))

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
