"""What can be known of the data before any sample is read: `python -m components check` looks at it."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from components.data import hints
from components.data.lock import Lock, locate
from components.errors import DataError
from components.params import Params, plugins
from components.params.conditions import gaps, number, read_condition
from components.sources.base import Entry

if TYPE_CHECKING:
    from components.data.formats.base import Item, Listing


def warnings(params: Params, root: Path) -> Sequence[str]:
    """What in the classes, and in a source on this machine, is probably not meant.

    Of a source its folders are looked at, or its table, of a long one the first rows. Others are not asked.

    Raises DataError for what the stages could only refuse later, SourceRefused for an archive that cannot be used.
    """
    labels = params.data.labels
    return [*(gaps(labels.classes) if isinstance(labels.label, str) else ()), *check_source(params, root)]


def check_source(params: Params, root: Path) -> Sequence[str]:
    """Of the source alone; see `warnings`."""
    from components.data.foreign import is_archive
    from components.sources.archive import ArchiveSource

    data = params.data
    if not data.source.startswith("file:"):
        return []
    place = Path(locate(data.source, root).removeprefix("file:"))
    if place.is_dir():
        return _look(_listed(place), lambda path: (place / path).open("rb"), params, place)
    elif not place.is_file():
        return []  # that it is not there, the loader of params.yaml says
    elif place.suffix.lower() == ".zip":
        archive = ArchiveSource(data.source, place)
        return _look(archive.paths(), lambda path: io.BytesIO(archive.read(path)), params, place)
    elif is_archive(place.name):
        raise DataError(f"data.source is the archive {place.name}.", "Unpack it, or pack it again as .zip.")
    else:
        return _look([place.name], lambda path: place.open("rb"), params, place)


def _look(
    paths: Sequence[str], open_file: Callable[[str], BinaryIO], params: Params, place: Path
) -> Sequence[str]:
    from components.data.checks import noted
    from components.data.formats import open_format
    from components.data.reading import notes_of

    data, task = params.data, params.task
    with _texts_in_table(params), hints.of_tables(params, place):
        listing = open_format(data, task.kind).look(paths, open_file)
        if listing is None:
            return []
        notes = notes_of(listing, data, task)
        with noted([*notes, *_decimal_commas(listing, params)]):
            _judge(listing, paths, params)
    return notes if listing.whole else []  # of first rows, what no cell holds may follow


@contextmanager
def _texts_in_table(params: Params) -> Iterator[None]:
    """Paths of texts that are not there may be the texts themselves."""
    try:
        yield
    except DataError as error:
        columns = plugins.offers("data/formats", params.data.layout, "columns")
        of_texts = params.task.kind == "texts" and columns and not params.data.labels.text
        paths = ("data.labels.path names", "missing)", "missing,")
        if not of_texts or not any(words in error.message for words in paths):
            raise
        hint = "Where the texts themselves stand in the table, name their column in data.labels.text."
        raise DataError(error.message, f"{error.remedy} {hint}") from None


def _decimal_commas(listing: "Listing", params: Params) -> Sequence[str]:
    """Of labels that conditions on numbers are asked of: other problems say so themselves."""
    labels = params.data.labels
    if not any(read_condition(value).bounds for value in labels.classes.values()):
        return []
    for item in listing.items:
        point = item.label.replace(",", ".", 1)
        if point != item.label and number(point) is not None:
            return [f"Write decimals with a point: {point}, not {item.label!r} ({item.place})."]
    return []


def _judge(listing: "Listing", paths: Sequence[str], params: Params) -> None:
    from components.data.checks import check_quarantine
    from components.data.contents import declared_sides, folds_of, present
    from components.data.reading import items_of

    data = params.data
    usable = items = items_of(listing, params.task)
    if listing.whole:
        # As if no two files were equal: their bytes are not read.
        entries = [Entry(path, 0, path) for path in (listing.payloads or paths)]
        usable, rejected = present(items, entries, data)
        check_quarantine(rejected, len(items), data.limits)
        folds_of(usable, Lock(data.source, "", data.licence, data.layout, tuple(entries)), data)
    declared_sides(usable, data)
    if listing.whole and params.domains.declared:
        hints.check_domains(usable, params)
    try:
        _judge_labels(items, usable, params, listing.whole)
    except DataError as error:
        raise _shown(error, items, usable, params, listing.whole) from None
    if listing.whole:
        _check_parity_samples(len(usable), params)


def _judge_labels(items: Sequence["Item"], usable: Sequence["Item"], params: Params, whole: bool) -> None:
    from components.data.contents import classify

    data = params.data
    written = [item.label for item in usable if item.label not in ("", data.labels.unlabelled)]
    least = data.limits.min_per_class if whole else 0
    classify(items, data, params.task).early(written, _asked(params), least)


def _shown(
    error: DataError, items: Sequence["Item"], usable: Sequence["Item"], params: Params, whole: bool
) -> DataError:
    """The error with hints, and as it is told of labels that are short enough to be shown."""
    shown = hints.shortened([*items, *usable], params, _asked(params))
    told = error
    try:
        _judge_labels(shown[: len(items)], shown[len(items) :], params, whole)
    except DataError as shorter:
        told = shorter
    said = hints.of_labels(error, items, shown[: len(items)], params)
    return DataError(told.message, " ".join([told.remedy, *said]).strip())


def _check_parity_samples(count: int, params: Params) -> None:
    """Which of them are on the test side, their bytes decide: `refresh` counts the others."""
    asked, test = params.export.parity.samples, params.data.split.test
    if count < asked:
        raise DataError(
            f"export.parity.samples is {asked}, but data.source holds {count} samples.",
            f"Those of the test side do not count: lower it to about {int(count * (1 - test))}, or add samples.",
        )


def _asked(params: Params) -> list[str]:
    """Parts of the target (classes, …) that rules of the gate name."""
    fairness = params.gate.fairness
    named = [*(rule.of for rule in params.gate.rules), fairness.of if fairness else None]
    return [name for name in named if name is not None]


def _listed(folder: Path) -> list[str]:
    """Paths of the files, sorted."""
    found = []
    for place, _, names in os.walk(folder):
        inner = os.path.relpath(place, folder)
        found += names if inner == "." else [f"{inner}/{name}" for name in names]
    return sorted(found)
