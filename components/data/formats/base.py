"""What an annotation format is asked. It is a module with the class `Format` and the fact

    OFFERS: what params may ask of it, any of
        "columns": samples have what `data.labels.group`, `domain`, `split`, `slices` and a list of `label` name,
        "several labels": a sample's label, as written, may hold more than one.

`python -m components check` reads the module, so it imports nothing slow at its top.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from components.params.data import DataParams
from components.sources.base import Entry


@dataclass(frozen=True, slots=True)
class Item:
    """One sample as a format names it: a line of a table, a file in a class's folder.

    Attributes:
        path: of the sample's file at the source, or its name, where its bytes are in `Listing.payloads`.
        label: as written, of several columns a JSON list of their cells; empty where there is none.
        group, domain, side: empty where not declared.
        slices: values of the declared slice columns, in their order.
        place: the row of the table, for messages; equal rows are one item.
    """

    path: str
    label: str
    group: str = ""
    domain: str = ""
    side: str = ""
    slices: tuple[str, ...] = ()
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Listing:
    """What a source holds.

    Attributes:
        items: all samples that the source claims to have.
        annotations: paths of the files that hold labels; they are no samples.
        notes: what a user should know about how they were read.
        payloads: name → bytes, of samples that lie in the files of labels; None: each is a file of its own.
        whole: false where more samples may follow, which `look` did not read.
    """

    items: Sequence[Item]
    annotations: Sequence[str] = ()
    notes: Sequence[str] = ()
    payloads: Mapping[str, bytes] | None = None
    whole: bool = True


class Files(Protocol):
    """Gives the bytes of the source's files."""

    def read(self, path: str) -> bytes: ...


class Format(Protocol):
    """A reader of labels. It reads files of labels, never a sample that is a file of its own."""

    def __init__(self, data: DataParams, kind: str) -> None: ...

    @property
    def by_path(self) -> bool:
        """Whether paths alone say the labels, so that those of an earlier state can be read again."""
        ...

    def look(self, paths: Sequence[str], open_file: Callable[[str], BinaryIO]) -> Listing | None:
        """As `read`, of what can be told in a moment; of a long table its first rows. None where that is nothing."""
        ...

    def read(self, paths: Sequence[str], files: Files) -> Listing:
        """What a source with files at `paths` holds. DataError where they do not fit the format."""
        ...

    def evidence(self, entries: Iterable[Entry]) -> Set[tuple[str, str]]:
        """What of the source says labels, by digests: where it has a new member, there may be new labels."""
        ...
