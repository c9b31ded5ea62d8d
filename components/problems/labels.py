"""Labels of a data set, as they are read for the first time: the part `target` of a problem has a `Reading` of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.errors import DataError
from components.params.data import Labels, Limits
from components.problems.base import Description

TRACKED = False  # protocols and plain records: a stage depends on the facets themselves


@dataclass(frozen=True)
class Labelled:
    """A sample as far as checks of the labels look at it: its label, and its split."""

    label: str
    split: str


class Reading(Protocol):
    """The labels of one data set, as they are read for the first time."""

    def __init__(self, labels: Labels, task: Any, written: Iterable[str]) -> None:
        """`written` are all labels that occur, as they were written. DataError where they cannot be used."""
        ...

    @classmethod
    def empty(cls, task: Any) -> str:
        """What an empty cell of a single column says: '' (nothing), or a label as `label` takes it."""
        ...

    @classmethod
    def doubtful(cls, labels: Labels, task: Any, cells: Iterable[str]) -> Sequence[str]:
        """Sentences about what in a single column is probably not meant; `cells` are its texts, row by row."""
        ...

    def label(self, written: str) -> str | None:
        """How the label is kept; None where it belongs to nothing that is declared. DataError where it is ambiguous."""
        ...

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        """For labels that belong to nothing, with the places where they stand."""
        ...

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        """DataError for what can be told before any sample is read, whatever splits the samples will be in.

        Args:
            written: the samples' labels as they were written, all of which belong to something.
            asked: the parts (classes, …) that rules of the gate name.
            least: samples that a part needs; 0 where `written` are not the labels of all samples.
        """
        ...

    def strata(self, label: str) -> tuple[str, ...]:
        """What a sample counts for where splits are balanced: declared labels, never what other samples decide."""
        ...

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: "Remedies") -> None:
        """DataError where these labels cannot be learned, chosen by, calibrated, or measured."""
        ...

    def describe(self, samples: Sequence[Labelled]) -> Description:
        """Of what is kept."""
        ...

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        """What the data report says of these labels: counts of classes, a range of numbers."""
        ...

    def summary(self, counts: Mapping[str, Any]) -> str:
        """`counts` in words, behind "2516 samples": `of 2 classes: a 12, b 30`."""
        ...

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        """Sentences about what is probably not meant."""
        ...


@dataclass(frozen=True)
class Remedies:
    """What to advise where something is missing on a split, or was left out as a copy."""

    of_splits: Sequence[str] = ()
    of_copies: Sequence[str] = ()
