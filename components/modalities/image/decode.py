"""Images.

What happens to a stored picture, in this order:
1. Only PNG, JPEG, WebP, BMP, GIF, TIFF and PPM are opened (other formats of Pillow start programs or need
   fonts); of an animation the first frame counts.
2. Its pixels are counted from the header, before any is decoded.
3. It is decoded to its last byte. 16-bit grey keeps the upper 8 of its used bits (`task.bits`, by default all 16).
   32-bit integers and floats are refused: nothing says what their white is.
4. EXIF orientation is applied, and no other tag is looked at; transparency is laid over white, as a person would see
   it; every other mode is converted to RGB.
"""

import hashlib
import io
import json
import re
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

from components.errors import DataError, ParamsError
from components.modalities.base import Inspection, Sample, Signature, Vocabulary, Whole
from components.params.backbone import ImageSpec, InputSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams

# What shapes a view; how many views there are does not change any of them.
CHANGES = ("flips", "quarter_turns", "shift", "brightness", "contrast")
VERSION = 1  # to be raised when any pixel that leaves this file changes
MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
DEEP = 16
DEEP_COLOUR = re.compile(";16[BLN]")  # how Pillow calls what it reads from
ORIENTATION = 0x0112
# EXIF orientation → what makes the picture upright (CIPA DC-008, section 4.6.5).
TURNS: Mapping[object, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
# What phones and cameras write and is not read: where its mark begins, the mark, its name.
OTHER_FORMATS = (
    *((4, b"ftyp" + brand, "HEIC") for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1")),
    *((4, b"ftyp" + brand, "AVIF") for brand in (b"avif", b"avis")),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
)
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

Image8 = npt.NDArray[np.uint8]


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
        return _to_rgb(_open(payload, MAX_PIXELS), self._bits)

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        if limits.max_pixels > MAX_PIXELS:
            raise ParamsError(
                f"data.limits.max_pixels is {limits.max_pixels}; what runs a release decodes at most {MAX_PIXELS}."
            )
        image = _open(payload, limits.max_pixels)
        _check_chunks(payload, image.format)
        facts: dict[str, int | str] = {"width": image.width, "height": image.height, "mode": image.mode}
        facts["bits"] = _used_bits(payload, image)
        grey = Image.fromarray(_to_rgb(image, self._bits)).convert("L")
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


def _open(payload: bytes, max_pixels: int) -> Image.Image:
    """A fully decoded image; DataError with the reason otherwise."""
    try:
        image = _header(payload)
        if image.width * image.height > max_pixels:
            raise DataError(f"{image.width}×{image.height} pixels are more than the {max_pixels} allowed")
        image.load()
    except (DataError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"its header promises more than the {max_pixels} pixels allowed") from None
    # Damaged files make Pillow's parsers raise nearly anything, from KeyError to struct.error.
    except Exception as error:
        reason = _other_format(payload) or str(error).split(" <_io")[0] or type(error).__name__
        raise DataError(f"cannot be decoded: {reason}") from None
    return image


def _other_format(payload: bytes) -> str:
    """What a picture of a known but other format is, and how to convert it; else ''."""
    for place, mark, name in OTHER_FORMATS:
        if payload[place:].startswith(mark):
            return f"it is {name}, which is not read; convert it to PNG or JPEG, for instance by `magick IN OUT.png`"
    return ""


def _used_bits(payload: bytes, image: Image.Image) -> int:
    """How many bits the largest number of a channel takes: of 8-bit pictures 8, of 16-bit ones 8 to 16.

    Of 16-bit colour Pillow keeps the upper 8 bits; if they are empty, it says 9.
    """
    if _is_deep_grey(image):
        return max(8, int(np.asarray(image).max()).bit_length())
    if any(DEEP_COLOUR.search(str(tile)) for tile in getattr(_header(payload), "tile", ())):
        return 8 + max(1, int(np.asarray(image.convert("RGB")).max()).bit_length())
    return 8


def _is_deep_grey(image: Image.Image) -> bool:
    # Of a PGM with more than 8 bits Pillow makes 32-bit integers whose white is 65535.
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _header(payload: bytes) -> Image.Image:
    return Image.open(io.BytesIO(payload), formats=FORMATS)


def _check_chunks(payload: bytes, kind: str | None) -> None:
    """Check a PNG's checksums, which decoding passes over."""
    if kind != "PNG":
        return
    try:
        _header(payload).verify()
    except Exception as error:
        raise DataError(f"cannot be decoded: {error}") from None


def _to_rgb(image: Image.Image, bits: int) -> Image8:
    """uint8 (H, W, 3), upright; of 16-bit grey, `bits` are used, and what is brighter is white."""
    if _is_deep_grey(image):
        values = np.asarray(image).astype(np.uint16) >> (bits - 8)
        shallow = Image.fromarray(np.minimum(values, 255).astype(np.uint8))
        upright = _turned(shallow, _orientation(image))
    elif image.mode in ("I", "F"):
        raise DataError(f"mode {image.mode} (32 bits a pixel) has no defined range")
    else:
        upright = _turned(image, _orientation(image))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(upright.convert("RGB"))


def _turned(image: Image.Image, orientation: object) -> Image.Image:
    """As the camera was held. Pillow's own function writes EXIF again, and fails where a tag has a wrong type."""
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ORIENTATION)
    except MemoryError:
        raise
    except Exception as error:  # its parsers raise nearly anything, too
        raise DataError(f"cannot be decoded: its EXIF is damaged ({error})") from None


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
