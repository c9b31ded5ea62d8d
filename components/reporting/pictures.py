"""Small pictures as data URIs: the sample, and the overlay that the browser lays over it."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

OVERLAY_SIDE = 56
WARM = (255, 122, 26)
STRONGEST = 0.72  # opacity where the map is 1: the sample stays visible


def photograph(sample: npt.NDArray[np.uint8]) -> str:
    """uint8 (h, w, 3) → JPEG."""
    return _uri(Image.fromarray(sample), "JPEG", quality=84)


def overlay(evidence: npt.NDArray[np.float32]) -> str:
    """Map (h, w) in 0…1 → PNG in one colour, whose opacity is the map, smoothed."""
    size = (OVERLAY_SIDE, OVERLAY_SIDE)
    smooth = Image.fromarray(evidence.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    alpha = (np.clip(np.asarray(smooth), 0, 1) * STRONGEST * 255).astype(np.uint8)
    layer = Image.new("RGBA", size, (*WARM, 0))
    layer.putalpha(Image.fromarray(alpha))
    return _uri(layer, "PNG", optimize=True)


def _uri(image: Image.Image, kind: str, **options: int | bool) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
