"""Tiny real pictures on a real disk, and everything from there to a dataset."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from components.data.build import Built
from components.data.lock import Lock, LockedSource
from components.params.data import DataParams
from components.sources import open_source


def png(seed: int, side: int = 64, kind: str = "PNG") -> bytes:
    """A smooth random picture that resembles no other seed's."""
    grid = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, payload in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(payload)
    return root


def two_classes(count: int = 40, first: int = 0) -> dict[str, bytes]:
    return {f"{'ab'[i % 2]}/{i:03}.png": png(i) for i in range(first, first + count)}


def data_params(root: Path, **values: object) -> DataParams:
    defaults: dict[str, object] = {
        "source": f"file:{root}",
        "licence": "CC0",
        "split": {"salt": "s", "train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2},
        "limits": {"min_per_class": 3},
    }
    return DataParams.model_validate(defaults | values)


def lock_of(params: DataParams, cache: Path) -> tuple[Lock, LockedSource]:
    source = open_source(params.source, params.sha256, cache)
    lock = Lock(params.source, source.revision, params.licence, params.layout, tuple(source.list()))
    return lock, LockedSource(lock, source)


Build = Callable[..., Built]
