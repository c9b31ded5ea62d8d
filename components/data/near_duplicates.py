"""Near duplicates: proposed by perceptual hash, confirmed by pixels, judged by their sides.

A pair is proposed when its 64-bit hashes differ in at most d bits. Two such hashes agree in at least one of
d + 1 bands (pigeonhole principle), so only samples that share a band are compared, by vectorised XOR and
population count: 100,000 samples take seconds.

A pair is confirmed when
1. the correlation of its 64×64 thumbnails reaches `correlation` (0.98), and
2. the correlation of their *detail* reaches DETAIL. Industrial pictures share a template: on the demo's solar
   cells 3,511 pairs reach 0.98 by outline, busbars and shading alone. Such a template is made of straight
   lines and gradients, that is, of few separable layers (row profile × column profile). The detail is the
   thumbnail less its LAYERS strongest ones (singular value decomposition). There, most of those pairs fall
   below 0.4, and all pairs from 0.5 on that were looked at show one cell photographed twice; copies of a
   sample as JPEG of quality 50, at 3/4 of the size, brighter or darker, reach 0.63–1.0. What is missed: two
   photographs of one cell with hardly a mark on it (0.3–0.5), and crops by more than a pixel.
   A sample with next to no detail cannot be told from its twin by it: the first test decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.scan import SIDE, pictures
from components.data.splits import RANK
from components.params.data import NearDuplicates

BITS = 64
LAYERS = 8
DETAIL = 0.5
# Below this share of a thumbnail's norm, what the layers leave is rounding.
FAINT = 0.01
BLOCK = 1024

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Thumbnails = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Pairs:
    """Confirmed pairs, sorted: `first` < `second` are row numbers; all arrays (P,).

    `proposed` counts the pairs of near hashes, `alike` those whose pixels correlate as well.
    """

    first: Indices
    second: Indices
    correlation: Floats
    detail: Floats
    proposed: int
    alike: int


def find_pairs(
    fingerprints: npt.NDArray[np.uint64], thumbnails: Thumbnails, params: NearDuplicates, folder: Path
) -> Pairs:
    """All near-duplicate pairs. `folder` is where a file without a name may grow (8 KiB a sample)."""
    proposed, kept = 0, []
    if not params.enabled:
        fingerprints = fingerprints[:0]
    for first, second in _propose(fingerprints, params.hash_distance):
        proposed += len(first)
        correlation = _cosines(thumbnails, first, second)
        alike = correlation >= params.correlation
        kept.append((first[alike], second[alike], correlation[alike]))
    if not kept:
        nothing = np.zeros(0, dtype=np.float32)
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), nothing, nothing, proposed, 0)
    first, second = (np.concatenate([part[i] for part in kept]) for i in (0, 1))
    correlation = np.concatenate([part[2] for part in kept])
    detail = _compare_details(thumbnails, first, second, folder)
    order = np.lexsort((second, first))
    order = order[detail[order] >= DETAIL]
    return Pairs(first[order], second[order], correlation[order], detail[order], proposed, len(first))


def losers(pairs: Pairs, sides: Sequence[str]) -> dict[int, int]:
    """Row to exclude → number of the pair that excludes it. Nothing is ever moved.

    From the highest side down: a sample goes when it is a near duplicate of one that stays on a higher side.
    """
    rank = np.array([RANK[side] for side in sides], dtype=np.int64)
    low = np.where(rank[pairs.first] < rank[pairs.second], pairs.first, pairs.second)
    high = np.where(rank[pairs.first] < rank[pairs.second], pairs.second, pairs.first)
    straddling = np.flatnonzero(rank[low] < rank[high])
    gone: dict[int, int] = {}
    for pair in sorted(straddling.tolist(), key=lambda p: (-rank[high[p]], -rank[low[p]], p)):
        if int(high[pair]) not in gone:
            gone.setdefault(int(low[pair]), pair)
    return gone


def _propose(hashes: npt.NDArray[np.uint64], distance: int) -> Iterator[tuple[Indices, Indices]]:
    """Blocks of pairs (i < j) within `distance`, each pair once."""
    if len(hashes) < 2:
        return
    edges = np.linspace(0, BITS, distance + 2).astype(int)
    bands = [_band(hashes, start, stop) for start, stop in pairwise(edges)]
    for number, band in enumerate(bands):
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=~band[order[:1]]))
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
            members = order[start:stop]  # ascending, because the sort is stable
            for at in range(0, len(members) - 1, BLOCK):
                yield from _compare(hashes, members[at : at + BLOCK], members[at:], distance, bands[:number])


def _band(hashes: npt.NDArray[np.uint64], start: int, stop: int) -> npt.NDArray[np.uint64]:
    return (hashes >> np.uint64(start)) & np.uint64((1 << (stop - start)) - 1)


def _compare(
    hashes: npt.NDArray[np.uint64],
    rows: Indices,
    columns: Indices,
    distance: int,
    earlier: Sequence[npt.NDArray[np.uint64]],
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs of `rows` × `columns` that no earlier band has proposed."""
    for at in range(0, len(columns), BLOCK):
        others = columns[at : at + BLOCK]
        near = np.bitwise_count(hashes[rows][:, None] ^ hashes[others][None, :]) <= distance
        near &= rows[:, None] < others[None, :]
        i, j = np.nonzero(near)
        first, second = rows[i], others[j]
        new = np.ones(len(first), dtype=bool)
        for band in earlier:
            new &= band[first] != band[second]
        if new.any():
            yield first[new], second[new]


def _cosines(vectors: Thumbnails, first: Indices, second: Indices) -> Floats:
    """Cosines of rows, (P,), 0 where one is all zeros; in blocks, so that memory stays flat.

    Lengths are measured again: rounding to 16 bits has changed them a little.
    """
    out = np.empty(len(first), dtype=np.float32)
    for at in range(0, len(first), BLOCK):
        part = slice(at, at + BLOCK)
        a, b = vectors[first[part]].astype(np.float32), vectors[second[part]].astype(np.float32)
        lengths = np.einsum("pk,pk->p", a, a) * np.einsum("pk,pk->p", b, b)
        out[part] = np.einsum("pk,pk->p", a, b) / np.sqrt(np.maximum(lengths, 1e-12))
    return out


def _compare_details(thumbnails: Thumbnails, first: Indices, second: Indices, folder: Path) -> Floats:
    """Correlation of detail for each pair, (P,); 1 where one of the two has none."""
    rows = np.unique(np.concatenate([first, second]))
    details, faint = pictures(len(rows), folder), np.zeros(len(rows), dtype=bool)
    for at in range(0, len(rows), BLOCK):
        part = slice(at, at + BLOCK)
        details[part], faint[part] = _details(thumbnails[rows[part]])
    a, b = np.searchsorted(rows, first), np.searchsorted(rows, second)
    return np.where(faint[a] | faint[b], np.float32(1), _cosines(details, a, b))


def _details(thumbnails: Thumbnails) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Thumbnails (N, 4096) → unit-norm details (N, 4096), and which of them are too faint to judge (N,)."""
    pictures = thumbnails.reshape(-1, SIDE, SIDE).astype(np.float32)
    u, s, vt = np.linalg.svd(pictures, full_matrices=False)
    s[:, :LAYERS] = 0
    rest = ((u * s[:, None, :]) @ vt).reshape(len(pictures), -1)
    rest -= rest.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rest, axis=1)
    unit: Floats = rest / np.maximum(norm, 1e-12)[:, None]
    return unit, norm < FAINT
