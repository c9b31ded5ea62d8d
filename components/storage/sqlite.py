"""Addresses of SQLite files, as SQLAlchemy reads them.

It takes everything behind a `?` for options. Where the path holds one, the address is SQLite's own kind of URI, in
which the path is escaped; other paths stay as they are.
"""

from pathlib import Path
from urllib.parse import quote, unquote

OPTION = "?uri=true"


def address(path: Path, dialect: str = "sqlite") -> str:
    """The address of the file `path`, which need not be there yet."""
    if "?" not in str(path):
        return f"{dialect}:///{path}"
    return f"{dialect}:///file:{quote(str(path))}{OPTION}"


def path_in(uri: str) -> Path | None:
    """The file of an address; None where it names another kind of database, or none."""
    kind, sign, path = uri.partition(":///")
    if not (sign and kind.startswith("sqlite") and path):
        return None
    if path.startswith("file:") and path.endswith(OPTION):
        path = unquote(path.removeprefix("file:").removesuffix(OPTION))
    return Path(path).absolute()
