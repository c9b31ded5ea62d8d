"""What frozen layers make of samples, from the sample store; what it does not hold is computed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import numpy as np

from components.data.dataset import Dataset
from components.errors import StorageError
from components.modalities.base import Modality
from components.progress import bar, log
from components.stages.frozen import Array, Computation, Frozen, Indices, Wanted
from components.stages.table import Context
from components.storage.samples import Field, Records, SampleStore, Space

SHARD = 256
Lacking = Mapping[Space, Sequence[Wanted]]


def stored(
    dataset: Dataset,
    wanted: Sequence[Wanted],
    frozen: Frozen,
    task: Modality,
    context: Context,
    batch: int,
) -> "Stored":
    """The output of `frozen` for each wanted (sample id, view), in that order, from the sample store.

    What the store does not hold, or holds damaged, is computed first. What does not fit the context's budget is not
    kept, but computed again whenever it is read, with the same bytes.
    """
    store, spaces = SampleStore(context.cache / "store"), frozen.spaces(task)
    keys = {one: key_of(task, *one) for one in wanted}

    @cache
    def compute() -> Computation:
        return Computation(dataset, frozen, task, context, batch)

    def read() -> list[Records]:
        if absent := lacking(store, spaces, keys, context.budget):
            fill(store, compute(), absent)
        return [store.read(space, [keys[one] for one in wanted]) for space in spaces]

    try:
        records = read()
    except StorageError as error:
        log(f"{error.message} It is computed again.")
        records = read()
    whole = all(one.there.all() for one in records)
    return Stored(records, wanted, None if whole else compute())


def lacking(
    store: SampleStore, spaces: Sequence[Space], keys: Mapping[Wanted, str], budget: int
) -> dict[Space, list[Wanted]]:
    """What to add to each space, so that all of them together take at most `budget` bytes of the store.

    The smallest tensor comes first: a large map lies near the input, where computing it again costs least.
    """
    known = {space: store.keys(space) for space in spaces}
    left = budget - sum(len(held) * space.field.nbytes for space, held in known.items())
    added, others = {}, []
    for space in sorted(spaces, key=lambda one: one.field.nbytes):
        absent, size = [one for one, key in keys.items() if key not in known[space]], space.field.nbytes
        fit = min(len(absent), max(0, left) // size)
        left -= fit * size
        if fit:
            added[space] = absent[:fit]
        if fit < len(absent):
            others.append(f"{space.field.name} of {len(absent) - fit} views ({size:,} bytes each)")
    if others:
        _say_once(
            f"The sample store has no room for {', '.join(others)} within runtime.store_gb ({budget / 10**9:g}): "
            "computed again each time. Raise it, or delete the folder `store` of the caches, which is filled again."
        )
    return added


@lru_cache(maxsize=64)
def _say_once(message: str) -> None:
    log(message)


class Stored:
    """Rows of the tensors at a cut: from the store, or computed again where it had no room for them."""

    def __init__(
        self, records: Sequence[Records], wanted: Sequence[Wanted], compute: Computation | None
    ) -> None:
        """`compute` is None where all records are there."""
        self.spaces = tuple(one.space for one in records)
        self._records, self._wanted, self._compute = records, wanted, compute

    def __len__(self) -> int:
        return len(self._wanted)

    def __getitem__(self, indices: Indices) -> Array:
        (made,) = self.named(indices).values()
        return made

    def named(self, indices: Indices) -> dict[str, Array]:
        """Name → array (len(indices), *shape)."""
        if self._compute is None:
            return {one.space.field.name: one[indices] for one in self._records}
        made: dict[str, Array] = {}
        absent, fields = np.zeros(len(indices), dtype=bool), list[Field]()
        for one in self._records:
            field, there = one.space.field, one.there[indices]
            made[field.name] = np.empty((len(indices), *field.shape), field.dtype)
            made[field.name][there] = one[indices[there]]
            if not there.all():
                absent |= ~there
                fields.append(field)
        places: dict[Wanted, list[int]] = defaultdict(list)
        for place in np.flatnonzero(absent).tolist():
            places[self._wanted[indices[place]]].append(place)
        for chunk, arrays in self._compute.rows(list(places), [field.name for field in fields]):
            for field in fields:
                for view, row in zip(chunk, _as_kept(arrays[field.name], field), strict=True):
                    made[field.name][places[view]] = row
        return made


def fill(store: SampleStore, compute: Computation, absent: Lacking) -> None:
    """Compute what is absent from each space, and publish it, a shard after the other. Each sample is read once."""
    views = list(dict.fromkeys(one for asked in absent.values() for one in asked))
    asked = {space: frozenset(some) for space, some in absent.items()}
    shown = bar(len(views), "Frozen layers", "views")
    done: dict[Space, list[str]] = {space: [] for space in absent}
    parts: dict[Space, list[Array]] = {space: [] for space in absent}

    def publish() -> None:
        for space in absent:
            if done[space]:
                store.add(space, done[space], np.concatenate(parts[space]))
            done[space], parts[space] = [], []

    for chunk, made in compute.rows(views, [space.field.name for space in absent]):
        for space in absent:
            rows = [row for row, one in enumerate(chunk) if one in asked[space]]
            arrays = made[space.field.name]
            parts[space].append(_as_kept(arrays if len(rows) == len(chunk) else arrays[rows], space.field))
            done[space].extend(key_of(compute.task, *chunk[row]) for row in rows)
        shown.update(len(chunk))
        if any(len(keys) >= SHARD for keys in done.values()):
            publish()
    publish()
    shown.close()


def _as_kept(records: Array, field: Field) -> Array:
    """Records (B, …) in the field's type, with zeros behind those of shorter samples: all have one shape."""
    missing = [(0, wanted - held) for wanted, held in zip(field.shape, records.shape[1:], strict=True)]
    kept = records.astype(field.dtype)
    return np.pad(kept, [(0, 0), *missing]) if any(after for _, after in missing) else kept


def key_of(task: Modality, sample: str, view: int) -> str:
    """A clean view is told by its sample alone: it outlives a change of the augmentation."""
    return f"{sample}/{view}/{task.view_digest(view)[:16]}" if view else sample
