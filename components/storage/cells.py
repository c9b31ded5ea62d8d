"""Cells of the CSV files that people open: a spreadsheet must not run what a file name or a class says.

A text that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP's page "CSV Injection" says;
`unescape` takes it away again. Numbers stay as they are, negative ones too.
"""

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
QUOTE = "'"


def escape(cell: object) -> object:
    """`cell` as it is written: all but texts unchanged."""
    if not isinstance(cell, str) or not cell.lstrip(QUOTE + " ").startswith(STARTS) or _is_number(cell):
        return cell
    return f"{QUOTE}{cell}"


def unescape(cell: str) -> str:
    """What `escape` was given."""
    inner = cell[1:]
    return inner if cell.startswith(QUOTE) and escape(inner) == cell else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
