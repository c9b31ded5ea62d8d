import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from components.data.near_duplicates import Pairs, _propose, find_pairs, losers
from components.modalities import load_modality
from components.modalities.base import Inspection
from components.params.data import Limits, NearDuplicates
from components.params.task import TaskParams


def inspect(image: Image.Image, kind: str = "PNG", **options: int) -> Inspection:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return load_modality(TaskParams()).inspect(buffer.getvalue(), Limits())


def pairs_of(found: list[Inspection], folder: Path) -> Pairs:
    hashes = np.array([item.fingerprint for item in found], dtype=np.uint64)
    thumbnails = np.stack([item.thumbnail.ravel() for item in found]).astype(np.float16)
    return find_pairs(hashes, thumbnails, NearDuplicates(), folder)


def scene(seed: int) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 256, (20, 20), dtype=np.uint8)
    return Image.fromarray(grid).resize((200, 200), Image.Resampling.BICUBIC)


def part(seed: int) -> Image.Image:
    """An industrial part: all alike but for a few faint scratches and the camera's noise."""
    rng = np.random.default_rng(seed)
    shade = np.random.default_rng(0).integers(120, 220, (5, 5), dtype=np.uint8)
    image = Image.fromarray(shade).resize((200, 200), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 199, 199), outline=30, width=8)
    for y in (50, 100, 150):
        draw.line((0, y, 199, y), fill=60, width=4)
    for _ in range(6):
        x, y = rng.integers(20, 180, 2).tolist()
        draw.line((x, y, x + int(rng.integers(-15, 15)), y + int(rng.integers(5, 30))), fill=120, width=2)
    noisy = np.asarray(image, dtype=np.float64) + rng.normal(0, 2, (200, 200))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("distance", [0, 1, 6, 15])
def test_proposals_are_all_pairs_within_the_distance_and_each_once(distance: int) -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, 40, dtype=np.uint64)[rng.integers(0, 40, 300)]
    for _ in range(5):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, 300).astype(np.uint64))
    expected = {
        (i, j)
        for i in range(300)
        for j in range(i + 1, 300)
        if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= distance
    }
    found = [(int(i), int(j)) for a, b in _propose(hashes, distance) for i, j in zip(a, b, strict=True)]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert expected or distance < 6


def test_large_buckets_are_compared_in_blocks() -> None:
    hashes = np.zeros(2500, dtype=np.uint64)
    assert sum(len(first) for first, _ in _propose(hashes, 2)) == 2500 * 2499 // 2


def test_a_copy_is_found_however_it_was_saved(tmp_path: Path) -> None:
    original = scene(1)
    copies = [
        inspect(original),
        inspect(original, "JPEG", quality=60),
        inspect(original.resize((150, 150), Image.Resampling.LANCZOS)),
        inspect(original.point(lambda level: int(level * 0.8 + 20))),
        inspect(scene(2)),
    ]
    pairs = pairs_of(copies, tmp_path)
    assert list(zip(pairs.first, pairs.second, strict=True)) == list(combinations(range(4), 2))
    assert pairs.correlation.min() >= 0.98


def test_parts_that_share_a_template_are_not_copies_of_each_other(tmp_path: Path) -> None:
    found = [inspect(part(seed)) for seed in range(12)]
    found += [inspect(part(3), "JPEG", quality=70)]
    pairs = pairs_of(found, tmp_path)
    assert pairs.alike > 20  # by pixels alone most of them are the same
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(3, 12)]


def test_without_detail_the_pixels_decide(tmp_path: Path) -> None:
    ramp = Image.linear_gradient("L")
    pairs = pairs_of([inspect(ramp), inspect(ramp, "JPEG", quality=95)], tmp_path)
    assert len(pairs.first) == 1


def test_flat_pictures_are_not_copies(tmp_path: Path) -> None:
    assert len(pairs_of([inspect(Image.new("L", (9, 9), grey)) for grey in (3, 200)], tmp_path).first) == 0


def test_nothing_and_one_have_no_pairs(tmp_path: Path) -> None:
    assert len(pairs_of([inspect(scene(1))], tmp_path).first) == 0


def made(*couples: tuple[int, int]) -> Pairs:
    first, second = np.array(couples, dtype=np.int64).T
    ones = np.ones(len(couples), dtype=np.float32)
    return Pairs(first, second, ones, ones, len(couples), len(couples))


def test_the_lower_side_goes() -> None:
    sides = ["test", "train", "validation", "calibration", "train"]
    assert losers(made((0, 1)), sides) == {1: 0}
    assert losers(made((1, 2), (2, 3)), sides) == {2: 1}  # validation goes, so train may stay
    assert losers(made((1, 2), (2, 3), (1, 3)), sides) == {2: 1, 1: 2}
    assert losers(made((1, 4)), sides) == {}


def test_who_goes_does_not_depend_on_the_order_of_rows() -> None:
    sides = ["test", "train", "validation", "calibration", "train"]
    couples = [(0, 1), (1, 2), (2, 3), (3, 4)]
    gone = set(losers(made(*couples), sides))
    mirrored = set(losers(made(*sorted((4 - b, 4 - a) for a, b in couples)), sides[::-1]))
    assert gone == {4 - row for row in mirrored} == {1, 2, 4}
