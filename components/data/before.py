"""What can be known of the data before any sample is read: `python -m components check` looks at it."""

import os
from collections.abc import Sequence
from pathlib import Path

from components.data.lock import locate
from components.errors import DataError
from components.params import Params


def check_source(params: Params, root: Path) -> None:
    """Look at a source on this machine: its folders, or its table's first rows. Others are not asked.

    Raises DataError for what the stages could only refuse later.
    """
    from components.data.foreign import is_archive

    data = params.data
    if not data.source.startswith("file:"):
        return
    place = Path(locate(data.source, root).removeprefix("file:"))
    packed = is_archive(place.name)
    if place.is_dir():
        _look(place, _listed(place), params)
    elif packed and place.suffix.lower() != ".zip":
        raise DataError(f"data.source is the archive {place.name}.", "Unpack it, or pack it again as .zip.")
    elif place.is_file() and not packed:
        _look(place.parent, [place.name], params)


def _look(folder: Path, paths: Sequence[str], params: Params) -> None:
    from components.data.formats import open_format
    from components.problems import reading

    format_ = open_format(params.data, params.task.kind)
    written = format_.look(paths, lambda path: (folder / path).open("rb"))
    if written is None:
        return
    labels, empty = params.data.labels, reading(params.task).empty(params.task)
    _check_labels({label or empty for label in written} - {"", labels.unlabelled}, params)


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
