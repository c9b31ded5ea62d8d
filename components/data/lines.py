"""The bytes of a table as lines of text. gzip and byte-order marks are followed; what else it may be is named."""

import codecs
import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

LONGEST = 256 * 10**6  # characters of a line or a cell, which must fit into memory
HEAD = 64  # bytes that tell a file's kind
# `surrogateescape` makes these of bytes that are not UTF-8.
ESCAPED = re.compile("[\udc80-\udcff]")
EXCEL = re.compile(r"sep=.?", re.IGNORECASE)
AROUND = 16  # characters that are shown on each side of one that is wrong
MARKS: Mapping[bytes, str] = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins with UTF-16's mark
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
AS_CSV = "save it as CSV (in Excel: 'CSV UTF-8')"
FOREIGN: Mapping[bytes, tuple[str, str]] = {
    b"\xd0\xcf\x11\xe0": ("an old Office file (.xls)", AS_CSV),
    b"PAR1": ("Parquet", "name it .parquet"),
    b"ARROW1": ("Arrow or Feather", "save it as Parquet or CSV"),
    b"BZh": ("compressed by bzip2", "unpack it, or compress it by gzip"),
    b"\xfd7zXZ": ("compressed by xz", "unpack it, or compress it by gzip"),
    b"\x28\xb5\x2f\xfd": ("compressed by Zstandard", "unpack it, or compress it by gzip"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it"),
    b"SQLite format 3": ("an SQLite database", "save the table as CSV"),
    b"\x89HDF": ("HDF5", "save the table as CSV or Parquet"),
    b"%PDF-": ("a PDF", "save the table as CSV"),
}


class Unreadable(Exception):
    """Why a table cannot be read. Who reads it adds where."""


@dataclass
class Position:
    """Where a reader is: `row` from 1 (0: the header), `line` of the file from 1 (0: it has none)."""

    row: int = 0
    line: int = 0

    def __str__(self) -> str:
        named = f"row {self.row}" if self.row else "the header"
        return f"{named} (line {self.line})" if self.line else named


def unpacked(file: BinaryIO) -> BinaryIO:
    """`file`, or what gzip packed into it. Raises Unreadable, with its kind, for what is no text."""
    head = _head(file)
    if head.startswith(b"\x1f\x8b"):
        file = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]  # it is one, but for its name
        head = _head(file)
    if head.startswith(b"PK\x03\x04"):
        raise Unreadable(_zipped(file))
    for mark, (kind, advice) in FOREIGN.items():
        if head.startswith(mark):
            raise Unreadable(f"it is {kind}, not text: {advice}")
    for nul, order in ((1, "LE"), (0, "BE")):
        zeros = head[nul::2]
        if len(head) > 3 and not any(zeros) and all(head[1 - nul :: 2]):
            raise Unreadable(
                f"it looks like UTF-16{order} without a byte-order mark: iconv -f UTF-16{order} -t UTF-8 OLD > NEW"
            )
    return file


def lines(file: BinaryIO, position: Position, newline: str) -> Iterator[str]:
    r"""Each with its end: `newline` "\n" splits there only, "" at "\r" and "\r\n", too.

    Raises Unreadable, with `position.line` set, where a line is no text or too long.
    """
    head = _head(file)
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    # Half of a surrogate pair in UTF-16 is for those to judge who know whether it is a text or a label.
    errors = "surrogatepass" if encoding else "surrogateescape"
    number = 0
    with io.TextIOWrapper(file, encoding=encoding or "utf-8-sig", errors=errors, newline=newline) as text:
        while True:
            number += 1
            try:
                line = text.readline(LONGEST + 1)
                if not line:
                    return
                _check(line, encoding is None)
            except UnicodeDecodeError as error:
                position.line = number
                raise Unreadable(f"here or soon after its {encoding} is damaged: {error.reason}") from None
            except Unreadable:
                position.line = number
                raise
            yield line


def refuse_excel_line(header: Sequence[str]) -> None:
    """Raises Unreadable where the header is Excel's own line `sep=;`, which other programs take for columns."""
    if header and EXCEL.fullmatch(header[0]):
        raise Unreadable(
            f"it is Excel's line {header[0]!r}, which says what separates the columns: remove the line, and name the "
            "separator where the table is named"
        )


def _check(line: str, escaped: bool) -> None:
    if len(line) > LONGEST:
        raise Unreadable(f"the line has more than {LONGEST} characters")
    if escaped and not line.isascii() and (wrong := ESCAPED.search(line)):
        raise Unreadable(_not_utf8(line, wrong.start()))


def _head(file: BinaryIO) -> bytes:
    head = file.read(HEAD)
    file.seek(0)
    return head


def _zipped(file: BinaryIO) -> str:
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, OSError):
        return "it is a damaged zip archive"
    if any(name.startswith("xl/") for name in names):
        return f"it is an Excel workbook (.xlsx), not text: {AS_CSV}"
    if "content.xml" in names:
        return "it is an OpenDocument file (.ods), not text: save it as CSV"
    return "it is a zip archive, not text: unpack it, or compress the table by gzip"


def _not_utf8(line: str, at: int) -> str:
    near = line[max(0, at - AROUND) : at + AROUND].strip().encode("utf-8", "surrogateescape")
    byte = line[at].encode("utf-8", "surrogateescape")[0]
    return (
        f"the byte 0x{byte:02x} is not UTF-8; read as Windows-1252 it says {near.decode('cp1252', 'replace')!r}. If "
        "that is right, save it as UTF-8: iconv -f CP1252 -t UTF-8 OLD > NEW (in Excel: 'CSV UTF-8'); if not, name "
        "another encoding there, that of the program which wrote the file"
    )
