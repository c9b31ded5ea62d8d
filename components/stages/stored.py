"""What frozen layers make of samples, from the sample store; what it does not hold is computed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np

from components.data.dataset import Dataset
from components.errors import StorageError
from components.modalities.base import Modality
from components.progress import bar, log
from components.stages.frozen import Array, Computation, Frozen, Indices, Wanted
from components.stages.table import Context
from components.storage.samples import Records, SampleStore, Space

SHARD = 256


def stored(
    dataset: Dataset,
    wanted: Sequence[Wanted],
    frozen: Frozen,
    task: Modality,
    context: Context,
    batch: int,
) -> "Records | Partly":
    """The output of `frozen` for each wanted (sample id, view), in that order, from the sample store.

    What the store does not hold, or holds damaged, is computed first. What does not fit the context's budget is not
    kept, but computed again whenever it is read, with the same bytes.
    """
    store, whole = SampleStore(context.cache / "store"), frozen.space(task)
    space = within(whole, len(set(wanted)), context.budget)
    keys = [_key(task, *w) for w in wanted]

    @cache
    def compute() -> Computation:
        return Computation(dataset, frozen, task, context, batch)

    def fill_up() -> None:
        if absent := missing(store, space, task, wanted):
            fill(store, space, compute(), absent)

    def read() -> Records:
        fill_up()
        try:
            return store.read(space, keys)
        except StorageError as error:
            log(f"{error.message} It is computed again.")
            fill_up()
            return store.read(space, keys)

    if space == whole:
        return read()
    return Partly(whole, read() if space.fields else None, compute(), wanted)


def within(space: Space, views: int, budget: int) -> Space:
    """The space with those fields that fit `budget` bytes for so many views: the smallest first.

    A large map lies near the input, where computing it again costs least.
    """
    kept: list[str] = []
    left = budget
    for one in sorted(space.fields, key=lambda one: one.nbytes):
        left -= one.nbytes * views
        if left >= 0:
            kept.append(one.name)
    others = [f"{one.name} ({one.nbytes:,} bytes a view)" for one in space.fields if one.name not in kept]
    if others:
        _say_once(
            f"{', '.join(others)} do not fit runtime.store_gb ({budget / 10**9:g}) and are computed again each time."
        )
    return replace(space, fields=tuple(one for one in space.fields if one.name in kept))


@lru_cache(maxsize=64)
def _say_once(message: str) -> None:
    log(message)


class Partly:
    """Records of which some fields are not in the store: they are computed again for whoever reads them."""

    def __init__(
        self, space: Space, kept: Records | None, compute: Computation, wanted: Sequence[Wanted]
    ) -> None:
        self.space = space
        self._kept, self._compute, self._wanted = kept, compute, wanted
        held = {f.name for f in kept.space.fields} if kept else set[str]()
        self._others = [f for f in space.fields if f.name not in held]

    def __len__(self) -> int:
        return len(self._wanted)

    def __getitem__(self, indices: Indices) -> Array:
        (made,) = self.named(indices).values()
        return made

    def named(self, indices: Indices) -> dict[str, Array]:
        made = {f.name: np.empty((len(indices), *f.shape), f.dtype) for f in self._others}
        places: dict[Wanted, list[int]] = defaultdict(list)
        for place, index in enumerate(indices):
            places[self._wanted[index]].append(place)
        for chunk, arrays in self._compute.rows(list(places), list(made)):
            for one in self._others:
                rows = _filled(arrays[one.name].astype(one.dtype), one.shape)
                for asked, row in zip(chunk, rows, strict=True):
                    made[one.name][places[asked]] = row
        held = self._kept.named(indices) if self._kept else {}
        return {f.name: (held | made)[f.name] for f in self.space.fields}


def missing(store: SampleStore, space: Space, task: Modality, wanted: Sequence[Wanted]) -> list[Wanted]:
    """What of `wanted` the store does not hold, each once."""
    keys = {w: _key(task, *w) for w in wanted}
    absent = set(store.missing(space, list(keys.values())))
    return [w for w in keys if keys[w] in absent]


def fill(store: SampleStore, space: Space, compute: Computation, wanted: Sequence[Wanted]) -> None:
    """Compute the records of `wanted` and publish them, a shard after the other."""
    shown = bar(len(wanted), "Frozen layers", "views")
    parts: list[dict[str, Array]] = []
    done: list[str] = []

    def publish() -> None:
        names = [f.name for f in space.fields]
        store.add(space, done, {name: np.concatenate([part[name] for part in parts]) for name in names})

    for chunk, made in compute.rows(wanted, [f.name for f in space.fields]):
        parts.append({f.name: _filled(made[f.name].astype(f.dtype), f.shape) for f in space.fields})
        done.extend(_key(compute.task, *w) for w in chunk)
        shown.update(len(chunk))
        if len(done) >= SHARD:
            publish()
            parts, done = [], []
    if done:
        publish()
    shown.close()


def _filled(records: Array, shape: tuple[int, ...]) -> Array:
    """Records (B, …) of shorter samples with zeros behind, so that all have one shape."""
    missing = [(0, wanted - held) for wanted, held in zip(shape, records.shape[1:], strict=True)]
    return np.pad(records, [(0, 0), *missing]) if any(after for _, after in missing) else records


def _key(task: Modality, sample: str, view: int) -> str:
    """A clean view is told by its sample alone: it outlives a change of the augmentation."""
    return f"{sample}/{view}/{task.view_digest(view)[:16]}" if view else sample
