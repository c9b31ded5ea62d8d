"""What to advise, and how to shorten what is shown, where labels or columns of a source cannot be used.

`components.data.before` asks: a stage says the same without the advice.
"""

import ast
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import DataError, meant
from components.params import Params, plugins
from components.params.conditions import number, turned
from components.params.tables import kind_of

if TYPE_CHECKING:
    from components.data.formats.base import Item

SHOWN = 40  # characters of a value
NAMED = 10  # of more domains only so many are named
OUTSIDE = re.compile(r"the path (?P<written>'.*'|\".*\") leaves the source\.")


@contextmanager
def of_tables(params: Params, place: Path) -> Iterator[None]:
    """Of columns and paths; `place` is the source on this machine."""
    try:
        yield
    except DataError as error:
        labels = params.data.labels
        if error.message.startswith(f"{labels.file} has the columns none at all"):
            raise DataError(
                f"{labels.file} is empty.",
                "It needs a line with the columns' names, and a row for each sample.",
            ) from None
        hints = [*_no_header(error.message, params), *_inside(error.message, params, place)]
        if not hints:
            raise
        raise DataError(error.message, " ".join([error.remedy, *hints]).strip()) from None


def _no_header(message: str, params: Params) -> Iterator[str]:
    """Where the first line has none of the columns, nor one of nearly that name, it may be a sample."""
    from components.data.tables import columns

    labels = params.data.labels
    wanted = columns(labels)
    missed = message.count(" names the column ") == len(wanted) and "; did you mean " not in message
    lacks = message.startswith(f"{labels.file} has the columns ") and "seem to be separated by" not in message
    if missed and lacks and not labels.header and kind_of(labels.file) not in ("lines of JSON", "Parquet"):
        names = ", ".join(dict.fromkeys(column for _, column in wanted))
        yield (
            f"Where the first line is a sample and no header, name all columns in data.labels.header, in their order, "
            f"these among them: {names}."
        )


def _inside(message: str, params: Params, place: Path) -> Iterator[str]:
    """An absolute path, or one with `..`, may lead into the source all the same."""
    found = OUTSIDE.search(message)
    if found is None or not place.is_dir():
        return
    written = ast.literal_eval(found["written"])
    folder = place.resolve() / posixpath.dirname(params.data.labels.file)
    path = Path(posixpath.normpath(folder / written))
    roots = (place.resolve(), place.absolute())
    inner = next((path.relative_to(root) for root in roots if path.is_relative_to(root)), None)
    if inner is None:
        yield "Paths in a table are relative to the table's folder; the files must lie in the folder of data.source."
        return
    relative = posixpath.relpath(inner.as_posix(), posixpath.dirname(params.data.labels.file) or ".")
    yield f"Write it relative to the table's folder: {relative}."


def check_domains(items: Iterable["Item"], params: Params) -> None:
    """DataError where a domain is named that no row has."""
    counts = Counter(item.domain for item in items)
    for key in ("source", "target"):
        for name in getattr(params.domains, key):
            if name not in counts:
                shown = [f"{short(found) or 'none'} ({count})" for found, count in sorted(counts.items())]
                more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
                raise DataError(
                    f"domains.{key} names {name!r}, which no row of {params.data.labels.file} has in the column "
                    f"{params.data.labels.domain!r}{meant(name, counts) or '.'}",
                    f"It holds: {', '.join(shown[:NAMED])}{more}.",
                )


def short(text: str) -> str:
    """One line of at most 40 characters."""
    line = " ".join(text.split())
    return line if line == text and len(line) <= SHOWN else f"{line[: SHOWN - 1].rstrip()}…"


def shortened(items: Sequence["Item"], params: Params, named: Iterable[str]) -> list["Item"]:
    """The items with labels that a message can show. Different ones stay different, and those that are `named`, or
    that params.yaml declares, stay what they are."""
    labels, options = params.data.labels, (params.task.model_extra or {}).values()
    listed = [one for option in options for one in (option if isinstance(option, list | tuple) else [option])]
    cell = _Shorter(map(str, (*named, *labels.classes.values(), labels.unlabelled, *listed)))
    kind = plugins.options("problems", params.task.problem)
    separator = str(params.task.options(kind).separator) if "separator" in kind.model_fields else None  # type: ignore[attr-defined]

    def label(written: str) -> str:
        if not isinstance(labels.label, str) and written.startswith("["):
            return json.dumps([cell.of(one) for one in json.loads(written)], ensure_ascii=False)
        return (
            cell.of(written) if separator is None else separator.join(map(cell.of, written.split(separator)))
        )

    known = {written: label(written) for written in dict.fromkeys(item.label for item in items)}
    return [replace(item, label=known[item.label]) for item in items]


class _Shorter:
    """Shortens texts, each always in the same way, and no two to the same."""

    def __init__(self, kept: Iterable[str]) -> None:
        self._known = {text: text for text in kept}
        self._like: Counter[str] = Counter()

    def of(self, text: str) -> str:
        if text not in self._known:
            made = text if number(text) is not None else short(text)
            if made != text:
                self._like[made] += 1
                count = self._like[made]
                made = made if count == 1 else f"{made[: SHOWN - 10]}… ({count})"
            self._known[text] = made
        return self._known[text]


def of_labels(
    error: DataError, items: Sequence["Item"], shown: Sequence["Item"], params: Params
) -> list[str]:
    """What to advise where the labels of `items`, shown as those of `shown`, cannot be used."""
    found = {item.label for item in items if item.label and item.label != params.data.labels.unlabelled}
    return [
        *_swapped(params.data.labels.classes, found),
        *_column(error.message, items, shown, params),
        *_range(error.message, found, params),
    ]


def _swapped(classes: Mapping[str, str | float], found: set[str]) -> Iterator[str]:
    values = set(map(str, classes.values()))
    if classes and found & classes.keys() and not found & values:
        yield f"data.labels.classes wants the class name first, then the value as it is written: {turned(classes)}."


def _column(message: str, items: Sequence["Item"], shown: Sequence["Item"], params: Params) -> Iterator[str]:
    """Texts are longer than the names of classes, and no numbers."""
    cut = any(one.label != other.label for one, other in zip(items, shown, strict=True))
    words = sum(number(item.label) is None for item in items if item.label)
    texts = (
        "which is no number" in message
        and isinstance(params.data.labels.label, str)
        and 2 * words > len(items)
    )
    if (cut or texts) and plugins.offers("data/formats", params.data.layout, "columns"):
        columns = ", ".join(map(repr, params.data.labels.label_columns))
        yield f"Is data.labels.label, {columns}, the right column?"


def _range(message: str, found: Iterable[str], params: Params) -> Iterator[str]:
    """What the numbers span that are outside `task.range`."""
    if ", outside task.range " not in message:
        return
    columns = params.data.labels.label_columns
    rows = [json.loads(label) if len(columns) > 1 else [label] for label in found]
    said, ranges = [], {}
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        values = [value for cell in cells if (value := number(cell)) is not None]
        if values:
            said.append(f"{column} from {min(values)} to {max(values)}")
            ranges[column] = f"[{min(values)}, {max(values)}]"
    (each,) = (
        ranges.values() if len(ranges) == 1 else (f"{{{', '.join(f'{k}: {v}' for k, v in ranges.items())}}}",)
    )
    yield f"The data hold {', '.join(said)}. Where these numbers are right, change task.range: {each}, or wider."
