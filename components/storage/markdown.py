"""Markdown in which nothing that is filled in can be anything but text."""

import re
from collections.abc import Sequence

MOST = 500  # characters of one text
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
# What Markdown or HTML could take for more than text; `:` and `@` make addresses into links.
SIGNS = re.compile(r"([\\`*_{}\[\]()<>#!|~&:@$^=])")
WWW = re.compile(r"(?i)\bwww\.")


def plain(value: object, most: int = MOST) -> str:
    """On one line, without signs that cannot be seen, and not longer than `most`."""
    text = " ".join(CONTROL.sub(" ", str(value)).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def text(value: object, most: int = MOST) -> str:
    """As a reader sees it: nothing in it is markup, a link or HTML."""
    return WWW.sub(r"www\\.", SIGNS.sub(r"\\\1", plain(value, most)))


def code(value: object, most: int = MOST) -> str:
    """Digests and addresses, in a span of code; also within a table."""
    inside = plain(value, most).replace("`", "'").replace("|", "¦")
    return f"`{inside}`" if inside else ""


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines; header and cells are escaped, so a cell cannot end its row."""
    if not rows:
        return []
    lines = [list(map(text, header)), ["---"] * len(header), *(list(map(text, row)) for row in rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]
