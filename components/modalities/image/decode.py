"""Images: uint8 (H, W, 3), opened as `components.modalities.pictures` says."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy.fft import dctn
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import ParamsError
from components.modalities.base import Inspection, Sample, Signature, Vocabulary, Whole
from components.modalities.pictures import DEEP, Image8, check_chunks, opened, to_rgb, used_bits
from components.params.backbone import ImageSpec, InputSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams

# What shapes a view; how many views there are does not change any of them.
CHANGES = ("flips", "quarter_turns", "shift", "brightness", "contrast")
VERSION = 1  # to be raised when any pixel that leaves this file changes, or `pictures`
MAX_PIXELS = 50_000_000
HASH_SIDE, HASH_BITS, THUMBNAIL_SIDE = 32, 8, 64
RESIZE = "bilinear, antialiased, half-pixel centres, aspect ratio not kept"
# A whole batch of such images, or one of 50 megapixels.
SIGNATURE = Signature(
    name="image",
    dtype="uint8",
    axes=("batch", "height", "width", 3),
    example=(2, 64, 48, 3),
    largest=((32, 836, 836, 3), (1, 7072, 7072, 3)),
    typical=(300, 300, 3),
    values=256,
)


class Preprocessor(nn.Module):
    """uint8 (B, H, W, 3) of any size → float32 (B, 3, S, S), (x - mean) / std per channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.size = spec.size
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        pixels = image.permute(0, 3, 1, 2).to(torch.float32)
        resized = F.interpolate(
            pixels, size=(self.size, self.size), mode="bilinear", antialias=True, align_corners=False
        )
        return (resized - self.mean) / self.std


class Modality(Whole):
    """See components.modalities.base.Modality for what each member promises."""

    signature = SIGNATURE
    assets: Sequence[str] = ()
    varying: Mapping[int, str] = MappingProxyType({})
    vocabulary: Vocabulary | None = None

    def __init__(
        self,
        params: TaskParams,
        spec: InputSpec | None = None,
        augment: AugmentParams | None = None,
        assets: Path | None = None,
    ) -> None:
        self._bits = params.bits or DEEP
        self._augment = augment or AugmentParams(views=1)
        self._spec: ImageSpec | None = spec if isinstance(spec, ImageSpec) else None
        if self._spec is not None and params.input_size is not None:
            self._spec = replace(self._spec, size=params.input_size)

    @property
    def views(self) -> Sequence[str]:
        return tuple(str(view) for view in range(self._augment.views))

    def view_digest(self, view: int) -> str:
        spec = self._needs_spec()
        described: dict[str, object] = {
            "modality": "image",
            "version": VERSION,
            "size": spec.size,
            "mean": list(spec.mean),
            "std": list(spec.std),
            "resize": RESIZE,
        }
        if self._bits != DEEP:
            described["bits"] = self._bits
        if view > 0:
            described["augment"] = self._augment.model_dump(include=set(CHANGES))
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def decode(self, payload: bytes) -> Image8:
        return to_rgb(opened(payload, MAX_PIXELS), self._bits)

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        if limits.max_pixels > MAX_PIXELS:
            raise ParamsError(
                f"data.limits.max_pixels is {limits.max_pixels}; what runs a release decodes at most {MAX_PIXELS}."
            )
        image = opened(payload, limits.max_pixels)
        check_chunks(payload, image.format)
        facts: dict[str, int | str] = {"width": image.width, "height": image.height, "mode": image.mode}
        facts["bits"] = used_bits(payload, image)
        grey = Image.fromarray(to_rgb(image, self._bits)).convert("L")
        return Inspection(facts, _fingerprint(grey), _thumbnail(grey))

    @torch.inference_mode()
    def compact(self, sample: Sample) -> Image8:
        """uint8 (S, S, 3): resized as the pre-processor does it, its normalisation taken back."""
        spec = self._needs_spec()
        pixels = Preprocessor(spec)(torch.tensor(sample)[None])[0].permute(1, 2, 0)
        raw = pixels * torch.tensor(spec.std) + torch.tensor(spec.mean)
        return np.asarray(raw.round().clamp(0, 255).to(torch.uint8).numpy())

    def augment(self, sample: Sample, view: int, sample_id: str) -> Image8:
        pixels = np.asarray(sample, dtype=np.uint8)
        if view == 0:
            return pixels
        key = hashlib.sha256(f"{sample_id}/{view}".encode()).digest()[:16]
        draws = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
        # All draws are made, needed or not: switching one change off leaves the others as they were.
        flip, turns = draws.integers(0, 2, size=2), int(draws.integers(0, 4))
        moves, light = draws.uniform(-1, 1, size=2), draws.uniform(-1, 1, size=2)
        if self._augment.flips:
            pixels = pixels[:: -1 if flip[0] else 1, :: -1 if flip[1] else 1]
        if self._augment.quarter_turns:
            pixels = np.rot90(pixels, turns)
        pixels = _shift(pixels, moves * self._augment.shift)
        brightness, contrast = 1 + light * (self._augment.brightness, self._augment.contrast)
        return _relight(pixels, float(brightness), float(contrast))

    def preprocessor(self) -> nn.Module:
        return Preprocessor(self._needs_spec()).eval()

    def preview(self, sample: Sample, side: int) -> Image8:
        image = Image.fromarray(sample)
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))

    def words(self, sample: Sample) -> Sequence[str]:
        return ()

    def _needs_spec(self) -> ImageSpec:
        if self._spec is None:
            raise ParamsError(
                "This modality was loaded to inspect samples only: it knows no backbone's input."
            )
        return self._spec


def _fingerprint(grey: Image.Image) -> int:
    """pHash (Zauner, 2010): signs of the 8×8 lowest DCT coefficients against their median, 64 bits."""
    small = np.asarray(grey.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX), dtype=np.float64)
    low = dctn(small, norm="ortho")[:HASH_BITS, :HASH_BITS].ravel()
    bits = low > np.median(low[1:])  # the first is the mean brightness, far from all others
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _thumbnail(grey: Image.Image) -> npt.NDArray[np.float32]:
    small = np.asarray(grey.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX), dtype=np.float64)
    centred = small - small.mean()
    norm = float(np.linalg.norm(centred))
    if norm < 1e-6:
        return np.zeros((THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.float32)
    thumbnail: npt.NDArray[np.float32] = (centred / norm).astype(np.float32)
    return thumbnail


def _shift(sample: Image8, shares: npt.NDArray[np.float64]) -> Image8:
    """Move by whole pixels, `shares` of (height, width); the edge's mirror image fills what opens."""
    down, right = (round(float(share) * side) for share, side in zip(shares, sample.shape[:2], strict=True))
    down = max(-sample.shape[0] + 1, min(down, sample.shape[0] - 1))
    right = max(-sample.shape[1] + 1, min(right, sample.shape[1] - 1))
    if not down and not right:
        return sample
    margins = ((max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0)), (0, 0))
    padded = np.pad(sample, margins, mode="symmetric")
    top, left = max(-down, 0), max(-right, 0)
    return padded[top : top + sample.shape[0], left : left + sample.shape[1]]


def _relight(sample: Image8, brightness: float, contrast: float) -> Image8:
    """brightness · (mean + contrast · (x - mean)), rounded and clipped: one table of 256 entries."""
    mean = float(sample.mean())
    levels = np.arange(256, dtype=np.float64)
    table = np.clip(np.rint(brightness * (mean + contrast * (levels - mean))), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(table[sample])
