"""How a table is written, as far as its name and parameters tell: its kind, and what separates its columns."""

import posixpath
from typing import Annotated, Literal

from pydantic import AfterValidator

Kind = Literal["separated", "lines of JSON", "Parquet"]
KINDS: dict[str, Kind] = {
    "csv": "separated",
    "tsv": "separated",
    "tab": "separated",
    "txt": "separated",
    "jsonl": "lines of JSON",
    "ndjson": "lines of JSON",
    "json": "lines of JSON",
    "parquet": "Parquet",
}
WORKBOOKS = ("xlsx", "xlsm", "xlsb", "xls", "ods")
WHITESPACE = "whitespace"
TABS = ("tab", r"\t")
REFUSED = '"\r\n\0\ufeff'


def kind_of(name: str) -> Kind | None:
    """By the ending; `.gz` behind it does not count. None for one that says nothing."""
    return KINDS.get(_ending(name))


def separator_of(name: str, separator: str | None) -> str:
    """What separates the columns of the table `name` where params say `separator`."""
    return separator or ("\t" if _ending(name) in ("tsv", "tab") else ",")


def _ending(name: str) -> str:
    base = posixpath.basename(name).lower().removesuffix(".gz")
    return base.rpartition(".")[2]


def read_separator(text: str) -> str:
    r"""`tab` and `\t` → the character; ValueError for what separates no columns."""
    if text in TABS:
        return "\t"
    if text == WHITESPACE or (len(text) == 1 and text not in REFUSED and not text.isalnum()):
        return text
    raise ValueError(
        f"{text!r} cannot separate columns; allowed: one character that is no letter, digit or double quote, such "
        f"as ';', `tab`, or `{WHITESPACE}` (any number of spaces and tabs)"
    )


Separator = Annotated[str, AfterValidator(read_separator)]


def check_written(name: str, separator: str | None, header: tuple[str, ...]) -> None:
    """ValueError where `name` is no table, `separator` or `header` mean nothing for it, or a column is named twice."""
    if _ending(name) in WORKBOOKS:
        raise ValueError(
            f"{name} is a workbook, of which no table is read: save it as CSV (in Excel: 'CSV UTF-8')"
        )
    kind, given = kind_of(name), "separator" if separator else "header" if header else None
    if given and kind in ("lines of JSON", "Parquet"):
        raise ValueError(f"{given} is for tables such as CSV, but {name} holds {kind}: leave it out")
    names = [column.strip() for column in header]
    if twice := next((column for column in names if column and names.count(column) > 1), None):
        raise ValueError(f"header names {twice!r} twice")
