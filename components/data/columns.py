"""Columns beside the label: what in them is probably not meant."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from components.data.formats.base import Item
from components.params.data import Labels
from components.problems.doubts import alike, in_rows, no_value


def doubtful_columns(items: Sequence[Item], labels: Labels) -> list[str]:
    """Sentences on columns of groups, domains and slices that hold a word for no value, or values that look alike."""
    sentences = []
    for key, column, values in _columns(items, labels):
        counts = Counter(values)
        where = f"{labels.file}: the column {column!r}, which data.labels.{key} names, holds"
        if words := no_value(counts):
            one = "slice" if key == "slices" else key
            sentences.append(
                f"{where} {in_rows(words, counts)}: each is taken for a {one}. If it means that there is no value, "
                "empty the cells."
            )
        if same := alike(sorted(counts)):
            sentences.append(
                f"{where} values that look alike, but are separate: {same}. Where they are one, correct them in the "
                "table."
            )
    return sentences


def _columns(items: Sequence[Item], labels: Labels) -> Iterator[tuple[str, str, Iterable[str]]]:
    """(Key of data.labels, column, its cells) of those that params name."""
    if labels.group:
        yield "group", labels.group, (item.group for item in items)
    if labels.domain:
        yield "domain", labels.domain, (item.domain for item in items)
    for place, column in enumerate(labels.slices):
        yield "slices", column, (item.slices[place] for item in items)
