"""Whether the table that params name is at the source, and which one may be meant where it is not."""

from components.data.lock import Lock
from components.errors import DataError, meant

NAMED = 5  # of more files only so many are named


def check_table(name: str, lock: Lock) -> None:
    """Raises DataError where `refresh` saw no table `name` at the source."""
    files = [entry.path for entry in lock.entries]
    if name not in files:
        raise unknown_table(name, files)


def unknown_table(name: str, files: list[str]) -> DataError:
    """`name`, which data.labels.file says, is none of the `files` at the source."""
    from components.params.tables import kind_of

    tables = sorted(file for file in files if kind_of(file))
    near = meant(name, tables)
    shown = ", ".join(tables[:NAMED]) + (f" and {len(tables) - NAMED} more" if len(tables) > NAMED else "")
    there = "" if near else f"; its tables: {shown}" if shown else "; it holds no table"
    return DataError(
        f"data.labels.file is {name!r}, which is not at the source{near or there}{'' if near else '.'}",
        "Correct it in params.yaml; a file that has come since: python -m components refresh",
    )
