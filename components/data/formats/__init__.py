"""Annotation formats: how the labels of samples are written at a source. The table is the one place that knows them by
name, which `data.layout` chooses; each is a file here. Those of other distributions come by an entry point
`graftline.formats`."""

from typing import TYPE_CHECKING

from components.params import plugins

if TYPE_CHECKING:
    from components.data.formats.base import Format
    from components.params.data import DataParams

TRACKED = False  # stages depend on the file of the chosen format

ROOM = "data/formats"
NAMES = (
    "folders",  # a folder a class
    "manifest",  # a table with a row for each sample
    "labels",  # the same, of a data set that others have labelled
)


def open_format(data: "DataParams", kind: str) -> "Format":
    """The format that `data.layout` names; `kind` is what the task's samples are, `images` or `texts`."""
    found: Format = plugins.place(ROOM, data.layout).Format(data, kind)
    return found
