"""What is refused before the first input is scored, and what is not: one that can be read is enough."""

import io
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from components.errors import DataError
from components.inference.inputs import Folder, Input
from components.inference.manifests import Columns, Table
from components.inference.unusable import PROBED, kind_of, refuse_other_kind, refuse_unusable, spread


class Given:
    """Contents by number; `loads` counts how often one was read."""

    uri = "given"

    def __init__(self, *contents: bytes) -> None:
        self._contents = contents
        self.loads = 0

    def __iter__(self) -> Iterator[Input]:
        for number, content in enumerate(self._contents):
            yield Input(str(number), str(number), partial(self._load, content))

    def _load(self, content: bytes) -> bytes:
        self.loads += 1
        return content


def read(payload: bytes) -> None:
    if not payload.startswith(PICTURE[:4]) or payload.endswith(b"cut"):
        raise DataError("cannot be decoded")


def picture(kind: str = "PNG") -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 4)).save(sink, kind)
    return sink.getvalue()


PICTURE, TEXT, DATA = picture(), "Grüße an alle".encode(), b"\0\1\2\xff"


def refuse(inputs: Given) -> None:
    refuse_other_kind(inputs, read, "image", "cells version 3")


def test_one_that_can_be_read_is_enough_wherever_it_lies() -> None:
    given = Given(PICTURE, *[TEXT] * 99)
    refuse(given)
    assert given.loads == 1, "more are looked at only where none can be read"
    refuse(Given(*[TEXT] * 5 * PROBED, *[PICTURE] * 5 * PROBED))
    refuse(Given(*[PICTURE + b"cut"] * 40))  # damaged, but pictures: each has its reason
    refuse(Given(*[TEXT] * 3, PICTURE + b"cut"))
    refuse(Given(DATA, b""))  # of no kind that is known here


def test_none_of_the_right_kind_is_refused_with_what_was_found() -> None:
    many = Given(*[TEXT] * 10_000)
    with pytest.raises(DataError, match=r"'image', and given holds texts: none of .*; 0: cannot be decoded"):
        refuse(many)
    assert many.loads < 4 * PROBED
    with pytest.raises(DataError, match="holds texts and other data: none of the 3"):
        refuse(Given(TEXT, DATA, TEXT))
    with pytest.raises(DataError, match="modality 'text', and given holds images"):
        refuse_other_kind(Given(PICTURE), lambda payload: _fail(), "text", "mails version 1")


def _fail() -> None:
    raise DataError("is not UTF-8")


def test_the_kind_is_told_by_the_first_bytes() -> None:
    heic = b"\0\0\0\x18ftypheic" + b"\0" * 20
    assert [kind_of(data) for data in (picture(), picture("JPEG")[:300], heic)] == ["image"] * 3
    assert [kind_of(data) for data in (TEXT, TEXT[:3], "\ufeffa;b\n".encode())] == ["text"] * 3
    assert [kind_of(data) for data in (DATA, b"", b"  ", "a".encode("utf-16"))] == [""] * 4


@pytest.mark.parametrize("count", [0, 1, 31, 32, 64, 65, 1000])
def test_what_is_looked_at_is_spread_over_all(count: int) -> None:
    items = list(Given(*[TEXT] * count))
    places = [int(item.id) for item in spread(items, 32)]
    assert min(count, 32) <= len(places) < 64
    steps = {after - before for before, after in itertools.pairwise(places)}
    assert len(steps) <= 1
    assert not count or places[-1] >= count - 1 - max(steps, default=0)


def test_a_column_that_names_no_file_is_refused_and_one_that_names_some_is_not(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,text\na.png,Dear all\nb.png,a very long mail\n")
    (tmp_path / "b.png").write_bytes(PICTURE)
    refuse_unusable(Table(tmp_path / "t.csv", Columns("name")))
    refuse_unusable(Table(tmp_path / "t.csv", Columns(None, "text")))
    said = "The column 'text' of .* none of the 2 rows .* says 'Dear all': No such file.*--content text"
    with pytest.raises(DataError, match=said):
        refuse_unusable(Table(tmp_path / "t.csv", Columns("text")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="There are no inputs"):
        refuse_unusable(Folder(tmp_path / "empty"))
