"""Folds inside the training side: validation, calibration and test samples are in none of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from components.data.dataset import Dataset
from components.errors import DataError
from components.params.domains import DomainsParams
from components.problems.base import Target
from components.stages.domains import Chosen, learned

# A part in so many of what is left to learn from decides the epoch, as validation data do on the line.
STOP_PARTS = 8
SHOWN = 60  # characters of a label
Places = npt.NDArray[np.int64]
Keys = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Fold:
    """Places among the ids of the training side.

    Attributes:
        held: (N,), scored, and used for nothing else.
        stop: (M,), decide when training stops, or which of several candidates is taken.
    """

    held: Places
    stop: Places


@dataclass(frozen=True)
class Folds:
    """The training side, dealt to folds by class and, where groups are declared, by group.

    Attributes:
        keys: (N,) of the training side: samples with one key are never on two sides of a fold.
        of: what the score is of: the samples that decide on the line, of the source where the target's labels
            are hidden.
    """

    keys: Keys
    of: Chosen
    target: Target
    parts: tuple[Fold, ...]

    def learning(self, chosen: Chosen, fold: Fold) -> Chosen:
        """What of `chosen`, samples of the training side, a fold leaves to learn from."""
        kept_away = self.keys[np.concatenate([fold.held, fold.stop])]
        return taken(chosen, ~np.isin(self.keys[chosen.places], kept_away))

    def at(self, places: Places) -> Chosen:
        """Those samples of `of` that stand at `places`."""
        return taken(self.of, np.isin(self.of.places, places))

    def split_off(self, chosen: Chosen, seed: int) -> tuple[Chosen, Chosen]:
        """What learns, and what decides when to stop."""
        learn, stop = _stop(self.target.codes(chosen.targets), self.keys[chosen.places], seed)
        return taken(chosen, learn), taken(chosen, stop)


def make_folds(dataset: Dataset, domains: DomainsParams, count: int, seed: int) -> Folds:
    """Equal data, count and seed give equal folds, whatever else params say.

    Raises DataError where a class has too few samples, or groups, for so many folds.
    """
    of = learned(dataset, domains)
    if domains.declared and domains.target_labels == "used":
        of = taken(of, np.isin(of.domains, domains.target))
    keys = np.array(
        [group or i for group, i in zip(dataset.groups("train"), dataset.ids("train"), strict=True)]
    )
    codes = dataset.target.codes(of.targets)
    _enough(codes, keys[of.places], count, lambda place: dataset.labels("train")[of.places[place]])
    parts = []
    for rest, held in deal(codes, keys[of.places], count, seed):
        _, stop = _stop(codes[rest], keys[of.places][rest], seed)
        if set(codes[held]) != set(codes):
            raise DataError(f"Not each of {count} folds holds all classes.", "Lower --folds.")
        parts.append(Fold(of.places[held], of.places[rest][stop]))
    return Folds(keys, of, dataset.target, tuple(parts))


def taken(chosen: Chosen, which: npt.NDArray[np.bool_] | Places) -> Chosen:
    """Some of the samples, in their order."""
    places = np.arange(len(chosen))[which]
    return Chosen(
        ids=[chosen.ids[place] for place in places],
        rows=chosen.rows[places],
        places=chosen.places[places],
        targets=chosen.targets[places],
        domains=chosen.domains[places],
    )


def deal(targets: Places, keys: Keys, count: int, seed: int) -> list[tuple[Places, Places]]:
    """(rest, held) for each fold, both sorted; classes are balanced as well as whole groups allow."""
    grouped = len(set(keys)) < len(keys)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    dealer = kind(count, shuffle=True, random_state=seed)
    dealt = dealer.split(targets, targets, keys if grouped else None)
    return [(np.sort(rest), np.sort(held)) for rest, held in dealt]


def _stop(targets: Places, keys: Keys, seed: int) -> tuple[Places, Places]:
    """(learn, stop): the first part that leaves all classes on both sides."""
    count = min(STOP_PARTS, _fewest(targets, keys))
    every = set(targets)
    for learn, stop in deal(targets, keys, count, seed) if count > 1 else []:
        if set(targets[learn]) == every == set(targets[stop]):
            return learn, stop
    raise DataError(
        "The training side has too few samples of a class, or too few groups, to cross-validate.",
        "Lower --folds, or raise data.split.train.",
    )


def _enough(targets: Places, keys: Keys, count: int, label: Callable[[int], str]) -> None:
    """`label` is that of the sample at a place, as it is kept: only the problem knows what a code means."""
    every = set(targets.tolist())
    for code in sorted(every):
        held = len(set(keys[targets == code]))
        if held < count:
            like = f" like {label(int((targets == code).argmax()))[:SHOWN]!r}" if len(every) > 1 else ""
            each = " of each kind" if len(every) > 1 else ""
            raise DataError(
                f"{count} folds need {count} training samples (or groups){each}; there are {held}{like}.",
                "Lower --folds.",
            )


def _fewest(targets: Places, keys: Keys) -> int:
    return min(len(set(keys[targets == index])) for index in set(targets))
