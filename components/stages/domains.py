"""Which samples of a side a stage may learn from, decide by, or look at without their labels.

| `domains.target_labels` | learned from | decides (validation, calibration) | judged (test) | unlabelled |
|---|---|---|---|---|
| nothing declared | all | all | all | those without a label |
| hidden | source | source | target | target |
| used | source and target | target | target | target |

With `domains.criterion`, what decides of a training and between networks is the target's validation side, its labels
unseen (`watched`); threshold, temperature and the head's parameter stay the source's.

`tune.start: source` and used labels: fine-tuning learns from the target alone, after the source.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.errors import DataError, meant
from components.params.domains import DomainsParams
from components.problems.base import Target, Targets
from components.stages.rows import Places, row_id


@dataclass(frozen=True)
class Chosen:
    """Samples of one side, in the order of their ids.

    Attributes:
        rows: (N,), where they stand in the manifest.
        places: (N,), where they stand among the ids of their side.
        targets: (N, …), as the problem has them; of samples whose labels may not be seen, as if they had none.
        domains: (N,).
        owners: where these are windows of samples: which of the samples that were cut each belongs to, (N,).
        numbers: and which window of it each is, (N,).
    """

    ids: Sequence[str]
    rows: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    targets: Targets
    domains: npt.NDArray[np.str_]
    owners: npt.NDArray[np.int64] | None = None
    numbers: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def per_row(self, values: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
        """What holds for the samples that were cut, for each of their windows."""
        return values if values is None or self.owners is None else values[self.owners]


def rows_of(chosen: Chosen, target: Target, windows: Places | None) -> Chosen:
    """The windows of samples, in their order, as training sees them; the samples where these are not cut.

    A window of a labelled sample that has no target of its own is left out.
    """
    if windows is None:
        return chosen
    counts = [len(windows[sample]) for sample in chosen.ids]
    owners = np.repeat(np.arange(len(chosen)), counts)
    numbers = np.concatenate([np.empty(0, dtype=np.int64), *(np.arange(count) for count in counts)])
    parts = [
        target.of_windows(chosen.targets[place : place + 1], windows[sample])
        for place, sample in enumerate(chosen.ids)
    ]
    targets = np.concatenate([target.unknown(0), *parts])
    kept = target.known(targets) | ~target.known(chosen.targets)[owners]
    owners, numbers = owners[kept], numbers[kept]
    return Chosen(
        ids=[
            row_id(chosen.ids[owner], number)
            for owner, number in zip(owners.tolist(), numbers.tolist(), strict=True)
        ],
        rows=chosen.rows[owners],
        places=chosen.places[owners],
        targets=targets[kept],
        domains=chosen.domains[owners],
        owners=owners,
        numbers=numbers,
    )


def learned(dataset: Dataset, domains: DomainsParams, start: str = "checkpoint") -> Chosen:
    """Labelled training samples."""
    wanted: tuple[str, ...] = ()
    if domains.declared:
        hidden = domains.target_labels == "hidden"
        wanted = domains.source if hidden else (*domains.source, *domains.target)
        if start == "source" and not hidden:
            wanted = domains.target
    return _complete(_labelled(dataset, "train", wanted, domains), dataset, "train", wanted)


def of_source(dataset: Dataset, side: str, domains: DomainsParams) -> Chosen:
    """Labelled samples of the source domain."""
    return _complete(_labelled(dataset, side, domains.source, domains), dataset, side, domains.source)


def decided(dataset: Dataset, side: str, domains: DomainsParams) -> Chosen:
    """Labelled samples of the validation or calibration side that choose."""
    wanted = domains.source if domains.target_labels == "hidden" else domains.target
    return _complete(_labelled(dataset, side, wanted, domains), dataset, side, wanted)


def judged(dataset: Dataset, domains: DomainsParams) -> Chosen:
    """Labelled test samples of what the release is for."""
    return _labelled(dataset, "test", domains.target, domains)


def unlabelled(dataset: Dataset, domains: DomainsParams) -> Chosen:
    """Training samples of the target, or those without a label where no domains are declared; targets are unknown."""
    check_domains(dataset, domains)
    of = np.array(dataset.domains("train"), dtype=str)
    bare = ~dataset.target.known(dataset.targets("train"))
    chosen = np.isin(of, domains.target) if domains.declared else bare
    return _bare(_chosen(dataset, "train", chosen), dataset)


def regardless(dataset: Dataset, side: str, domains: DomainsParams, wanted: Sequence[str]) -> Chosen:
    """Samples of a side, whether they have a label or not, of the domains `wanted` or of all; targets are unknown."""
    check_domains(dataset, domains)
    of = np.array(dataset.domains(side), dtype=str)
    found = _chosen(dataset, side, np.isin(of, list(wanted)) if wanted else np.ones(len(of), dtype=bool))
    if not len(found):
        raise DataError(
            f"The {side} side holds no sample of {', '.join(wanted) or 'any domain'}.", "Change domains."
        )
    return _bare(found, dataset)


def watched(dataset: Dataset, domains: DomainsParams) -> Chosen | None:
    """Validation samples of the target, by which `domains.criterion` chooses; targets are unknown.

    None: labels choose."""
    return regardless(dataset, "validation", domains, domains.target) if domains.judged_unseen else None


def _bare(found: Chosen, dataset: Dataset) -> Chosen:
    return replace(found, targets=dataset.target.unknown(len(found)))


def _labelled(dataset: Dataset, side: str, wanted: Sequence[str], domains: DomainsParams) -> Chosen:
    check_domains(dataset, domains)
    has_label = dataset.target.known(dataset.targets(side))
    if domains.declared:
        has_label &= np.isin(np.array(dataset.domains(side), dtype=str), list(wanted))
    return _chosen(dataset, side, has_label)


def _chosen(dataset: Dataset, side: str, mask: npt.NDArray[np.bool_]) -> Chosen:
    places = np.flatnonzero(mask)
    ids = dataset.ids(side)
    return Chosen(
        ids=[ids[place] for place in places],
        rows=dataset.rows(side)[places],
        places=places,
        targets=dataset.targets(side)[places],
        domains=np.array(dataset.domains(side), dtype=str)[places],
    )


def check_domains(dataset: Dataset, domains: DomainsParams) -> None:
    """DataError where a domain is named that the data do not hold."""
    counts = Counter(dataset.domains())
    for name in (*domains.source, *domains.target):
        if name not in counts:
            hint = meant(name, counts) or "."
            held = ", ".join(f"{found or 'none'} ({count})" for found, count in sorted(counts.items()))
            raise DataError(f"domains names {name!r}, which no sample is of{hint}", f"The data hold: {held}.")


def _complete(found: Chosen, dataset: Dataset, side: str, domains: Sequence[str]) -> Chosen:
    """DataError where something that must be learned or decided by has no sample, e.g. a class."""
    if lacking := dataset.target.lacking(found.targets):
        of = f" of {', '.join(domains)}" if domains else ""
        raise DataError(
            f"On the {side} side{of}, {lacking}.",
            "Change domains, or the shares in data.split.",
        )
    return found
