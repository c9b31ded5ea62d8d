"""Stored pictures, and what becomes of them.

In this order:
1. Only PNG, JPEG, WebP, BMP, GIF, TIFF and PPM are opened (other formats of Pillow start programs or need
   fonts); of an animation the first frame counts.
2. Its pixels are counted from the header, before any is decoded.
3. It is decoded to its last byte. 16-bit grey keeps the upper 8 of its used bits (`task.bits`, by default all 16).
   32-bit integers and floats are refused: nothing says what their white is.
4. EXIF orientation is applied, and no other tag is looked at; transparency is laid over white, as a person would see
   it; every other mode is converted to RGB.
"""

import io
import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.errors import DataError

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

Image8 = npt.NDArray[np.uint8]


def opened(payload: bytes, max_pixels: int) -> Image.Image:
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


def used_bits(payload: bytes, image: Image.Image) -> int:
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


def check_chunks(payload: bytes, kind: str | None) -> None:
    """Check a PNG's checksums, which decoding passes over."""
    if kind != "PNG":
        return
    try:
        _header(payload).verify()
    except Exception as error:
        raise DataError(f"cannot be decoded: {error}") from None


def to_rgb(image: Image.Image, bits: int) -> Image8:
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
