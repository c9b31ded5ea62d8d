"""What can be known of the data before any sample is read: `python -m components check` looks at it."""

import os
from itertools import islice
from pathlib import Path

from components.data.formats.which_table import unknown_table
from components.data.lock import locate
from components.errors import DataError
from components.params import Params

ROWS = 1000  # of a table that are looked at


def check_source(params: Params, root: Path) -> None:
    """Look at a source on this machine: its class folders, or the table and its first rows. Others are not asked.

    Raises DataError for what the stages could only refuse later.
    """
    from components.data.foreign import is_archive
    from components.data.formats.folders import check_no_columns

    data = params.data
    if data.layout == "folders":
        check_no_columns(data.labels)
    if not data.source.startswith("file:"):
        return
    place = Path(locate(data.source, root).removeprefix("file:"))
    packed = is_archive(place.name)
    if place.is_dir():
        _check_folder(place, params)
    elif packed and place.suffix.lower() != ".zip":
        raise DataError(f"data.source is the archive {place.name}.", "Unpack it, or pack it again as .zip.")
    elif place.is_file() and not packed and data.layout != "folders":
        _check_rows(place.parent, [place.name], params)


def _check_folder(folder: Path, params: Params) -> None:
    from components.data.formats.folders import read_folders

    data, paths = params.data, _listed(folder)
    if data.layout != "folders":
        _check_rows(folder, paths, params)
    elif not any(entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir()):
        raise DataError(
            f"{folder} holds no folders; data.layout folders has one for each class.",
            "Move each class's samples into a folder of its name, or use data.layout manifest with a table.",
        )
    else:
        found = read_folders(paths, params.task.kind, data.folders, data.source)
        _check_labels({label for _, label, _ in found.samples}, params)


def _check_rows(folder: Path, paths: list[str], params: Params) -> None:
    """The table's first rows: of a longer one, the stage says the rest."""
    from components.data.formats.table import label_of
    from components.data.tables import described
    from components.problems import reading

    labels = params.data.labels
    if labels.file not in paths:
        raise unknown_table(labels.file, paths)
    rows = list(islice(described(labels, lambda: (folder / labels.file).open("rb")).rows(), ROWS))
    if not rows:
        raise DataError(f"{labels.file} has no rows.")
    empty = reading(params.task).empty(params.task)
    written = {label_of(row, labels) or empty for row in rows} - {"", labels.unlabelled}
    if labels.classes or len(rows) < ROWS:
        _check_labels(written, params)


def _check_labels(written: set[str], params: Params) -> None:
    """What can be told from the labels alone, without counting them."""
    from components.problems import reading

    fairness = params.gate.fairness
    named = [*(rule.of for rule in params.gate.rules), fairness.of if fairness else None]
    asked = [name for name in named if name is not None]
    reading(params.task).early(params.data.labels, params.task, written, asked)


def _listed(folder: Path) -> list[str]:
    """Paths of the files, sorted."""
    return sorted(
        (Path(place) / name).relative_to(folder).as_posix()
        for place, _, names in os.walk(folder)
        for name in names
    )
