"""Auxiliary tasks from columns of the manifest: which values count, and what each training sample has."""

from collections import Counter

import numpy as np
import torch

from components.data.dataset import Dataset
from components.errors import DataError
from components.methods.multi_task import NO_VALUE, Column
from components.params import Params
from components.progress import log
from components.stages.domains import Chosen

FEWEST = 2
SHOWN = 3


def columns(dataset: Dataset, params: Params, chosen: Chosen, deciding: Chosen) -> list[Column]:
    """The columns that `objectives.tasks` names, for the samples of `chosen`; `deciding` say when to stop.

    A value counts where at least two samples are learned from, and at least one decides: what names a single sample
    or a single group can only be learned by heart. An empty cell is no value.

    Raises DataError for a column that fewer than two values are left of.
    """
    return [_column(name, dataset, chosen, deciding) for name in params.objectives.tasks.columns]


def _column(name: str, dataset: Dataset, chosen: Chosen, deciding: Chosen) -> Column:
    values_of = dataset.slices()[name]
    held, elsewhere = values_of[chosen.rows], set(values_of[deciding.rows])
    counts = Counter(str(value) for value in held if value)
    values = tuple(sorted(v for v, count in counts.items() if count >= FEWEST and v in elsewhere))
    left_out = sorted(set(counts) - set(values))
    why = f"on fewer than {FEWEST} of the samples that are learned from, or on no validation sample"
    some = ", ".join(map(repr, left_out[:SHOWN])) + (", …" if len(left_out) > SHOWN else "")
    if len(values) < FEWEST:
        kept = f"only {values[0]!r}" if values else "nothing"
        raise DataError(
            f"objectives.tasks.columns: {name!r} leaves {kept} to tell apart.",
            f"{len(left_out)} values are {why}{f': {some}' if some else ''}. Take the column out.",
        )
    if left_out:
        log(f"Auxiliary task {name!r}: {len(left_out)} values do not count, {why}: {some}")
    number = {value: place for place, value in enumerate(values)}
    targets = np.array([number.get(str(value), NO_VALUE) for value in held], dtype=np.int64)
    return Column(name, values, torch.from_numpy(targets))
