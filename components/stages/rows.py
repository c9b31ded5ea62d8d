"""Samples as rows: what training and heads see where a modality cuts a sample into windows.

A row is named `<sample>#<number of the window>`; where samples are not cut, a row is its sample and has its name.
"""

from collections.abc import Mapping, Sequence

from components.data.ahead import in_order
from components.data.dataset import Dataset
from components.errors import ParamsError
from components.modalities.base import Modality, Sample
from components.problems.windows import Window

Places = Mapping[str, Sequence[Window]]  # sample → where its windows lie


def places_of(dataset: Dataset, modality: Modality, ids: Sequence[str], threads: int) -> Places | None:
    """Where the windows of samples lie; None where they are not cut: then nothing is read."""
    if modality.windowing is None:
        return None

    def cut(sample: str) -> Sequence[Window]:
        return [window.place for window in modality.windows(modality.decode(dataset.read(sample)))]

    return dict(zip(ids, in_order(cut, ids, threads, 4 * threads), strict=True))


def row_id(sample: str, number: int) -> str:
    return f"{sample}#{number}"


def sample_of(row: str) -> str:
    return row.partition("#")[0]


def rows_in(sample: Sample, names: Sequence[str], modality: Modality) -> list[Sample]:
    """What rows of a sample show, by their names; it is cut once.

    ParamsError for a sample that must be cut, and is asked for as a whole.
    """
    if modality.windowing is None:
        return [sample] * len(names)
    numbers = [number for _, _, number in (name.partition("#") for name in names)]
    if "" in numbers:
        raise ParamsError("These samples are cut into windows; this command takes them as a whole only.")
    windows = modality.windows(sample)
    return [windows[int(number)].sample for number in numbers]


def refuse_windows(modality: Modality, key: str) -> None:
    """ParamsError where samples are cut, for what goes by samples."""
    if modality.windowing is not None:
        raise ParamsError(f"{key} is not for samples that are cut into windows.", "Set it to none.")
