"""What can be known of the data before any sample is read: `python -m components check` looks at it."""

from pathlib import Path

from components.data.lock import Lock, locate
from components.errors import DataError, meant
from components.params.data import DataParams

NAMED = 5  # of more files only so many are named


def check_source(data: DataParams, root: Path) -> None:
    """Look at a folder on this machine: class folders, or the table and its first row. Other sources are not asked.

    Raises DataError for what the stages could only refuse later.
    """
    if not data.source.startswith("file:"):
        return
    folder = Path(locate(data.source, root).removeprefix("file:"))
    if not folder.is_dir():
        return  # a file: an archive, or a table by itself, whose digest is looked at before it is opened
    if data.layout == "folders":
        if not any(entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir()):
            raise DataError(
                f"{folder} holds no folders; data.layout folders has one for each class.",
                "Move each class's samples into a folder of its name, or use data.layout manifest with a table.",
            )
        return
    _look_into(folder, data)


def _look_into(folder: Path, data: DataParams) -> None:
    from components.data.tables import described

    table = folder / data.labels.file
    if not table.is_file():
        raise unknown_table(data.labels.file, _names(folder, table.parent))
    next(described(data.labels, lambda: table.open("rb")).rows(), None)


def _names(folder: Path, inside: Path) -> list[str]:
    """The files that `data.labels.file` could have meant: those beside it, and those at the top."""
    places = {place for place in (folder, inside) if place.is_dir()}
    return [
        file.relative_to(folder).as_posix() for place in places for file in place.iterdir() if file.is_file()
    ]


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
