"""Inputs of which none can be scored are refused before the first is: no column, no files, texts for an image model.

A few that cannot be read among many are no reason: each of them gets a row that says why.
"""

import codecs
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from components.errors import DataError
from components.inference.inputs import Input, Inputs, no_inputs
from components.inference.manifests import Table
from components.params import plugins

PROBED = 32  # inputs that are looked at before all are refused, and as many or more that are spread over all of them
HEAD = 2**16  # bytes that tell what kind an input is
SHOWN = 60  # characters of a cell, in a message
# Where a picture's mark begins, and the mark: it tells a damaged one, too.
MARKS = (
    (0, b"\x89PNG"),
    (0, b"\xff\xd8\xff"),
    (0, b"GIF8"),
    (8, b"WEBP"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
)


@dataclass(frozen=True)
class Unread:
    """An input that cannot be read, and why.

    Attributes:
        head: its first bytes; None where it cannot be had at all.
    """

    item: Input
    reason: str
    head: bytes | None = None


def refuse_unusable(inputs: Inputs) -> None:
    """Look at the first inputs; imports nothing slow.

    Raises DataError where there are none, where a table cannot be read or lacks a column, and where the column of
    paths names no file; SourceError where they are away.
    """
    if next(iter(inputs), None) is None:
        raise no_inputs()
    if not isinstance(inputs, Table) or inputs.columns.path is None:
        return
    if unread := unreadable(inputs, lambda payload: None):
        column, cell = inputs.columns.path, unread[0].item.state
        said = f"{cell[:SHOWN]}…" if len(cell) > SHOWN else cell
        raise DataError(
            f"The column {column!r} of {inputs.uri} names no file that can be read: none of the {len(unread)} rows "
            f"that were looked at; the first says {said!r}: {unread[0].reason}.",
            f"Files are looked for below {inputs.root}; --files names another folder, --path another column. If the "
            f"column holds the samples themselves, use --content {column}.",
        )


def refuse_other_kind(inputs: Inputs, read: Callable[[bytes], object], modality: str, model: str) -> None:
    """Raise DataError where what was given is of another kind than `model` takes: none can be read, and none looks as
    if it were of `modality` but damaged.

    Args:
        read: bytes → a sample; raises DataError.
    """
    unread = unreadable(inputs, read)
    kinds = Counter(kind_of(one.head) for one in unread if one.head is not None)
    if modality in kinds or not any(kinds):
        return
    found = " and ".join(
        plugins.fact("modalities", kind, "KIND") if kind else "other data" for kind, _ in kinds.most_common()
    )
    first = next(one for one in unread if one.head is not None)
    raise DataError(
        f"{model} takes inputs of the modality {modality!r}, and {inputs.uri} holds {found}: none of the {len(unread)} "
        f"inputs that were looked at can be read; {first.item.id}: {first.reason}.",
        f"Name inputs of the modality {modality!r}, or a model for {found} by --version, --alias or --bundle.",
    )


def unreadable(inputs: Inputs, read: Callable[[bytes], object]) -> list[Unread]:
    """Why none can be read: of the first ones and of others all over the place. Empty as soon as one can be read."""
    found: dict[str, Unread] = {}
    for item in chain(islice(inputs, PROBED), spread(inputs, PROBED)):
        if item.id in found:
            continue
        if (why := _why(item, read)) is None:
            return []
        found[item.id] = why
    return list(found.values())


def spread(items: Iterable[Input], least: int) -> Iterator[Input]:
    """At least `least` of them where there are so many, and fewer than twice as many, at equal distances."""
    kept: list[Input] = []
    step = 1
    for place, item in enumerate(items):
        if place % step == 0:
            kept.append(item)
        if len(kept) == 2 * least:
            kept, step = kept[::2], 2 * step
    yield from kept


def kind_of(head: bytes) -> str:
    """The modality `image` or `text`, or empty: by the first bytes alone, whatever the rest is like."""
    from PIL import Image

    from components.modalities.pictures import FORMATS, OTHER_FORMATS

    marks = [*MARKS, *((place, mark) for place, mark, _ in OTHER_FORMATS)]
    if any(head[place:].startswith(mark) for place, mark in marks):
        return "image"
    try:
        # It tells those whose marks are letters, which texts begin with, too.
        Image.open(io.BytesIO(head), formats=FORMATS)
        return "image"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "image"
    except Exception:  # noqa: S110 - Pillow's parsers raise nearly anything
        pass
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return ""
    return "text" if text.strip() and "\0" not in text else ""


def _why(item: Input, read: Callable[[bytes], object]) -> Unread | None:
    try:
        payload = item.load()
    except DataError as error:
        return Unread(item, error.message)
    try:
        read(payload)
    except DataError as error:
        return Unread(item, error.message, payload[:HEAD])
    return None
