"""What the data as a whole must have before any work is spent on them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from components.data.contents import MISSING, Rejected
from components.errors import DataError
from components.params.data import Limits

PATHS = "A path in a table starts at the table's folder, with / between folders and each letter as in the file's name."


def check_quarantine(rejected: Sequence[Rejected], total: int, limits: Limits) -> None:
    """DataError, with counts and examples, where more than the allowed share cannot be used."""
    if len(rejected) <= limits.quarantine_share * total:
        return
    kinds = Counter(item.kind for item in rejected)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    examples = "; ".join(f"{item.path}: {item.reason}" for item in _examples(rejected))
    paths = f" {PATHS}" if kinds[MISSING] else ""
    raise DataError(
        f"{len(rejected)} of {total} samples cannot be used ({counted}); "
        f"{limits.quarantine_share:.1%} are allowed. For instance {examples}.",
        f"Fix or remove them at the source, or raise data.limits.quarantine_share.{paths}",
    )


@contextmanager
def noted(notes: Sequence[str]) -> Iterator[None]:
    """What is probably not meant (another separator, empty cells) is often why the data are refused."""
    try:
        yield
    except DataError as error:
        raise DataError(error.message, " ".join([error.remedy, *notes])) from None


def _examples(rejected: Sequence[Rejected]) -> list[Rejected]:
    """Up to two files of each kind."""
    paths: dict[str, set[str]] = defaultdict(set)
    chosen = []
    for item in rejected:
        if item.path not in paths[item.kind] and len(paths[item.kind]) < 2:
            paths[item.kind].add(item.path)
            chosen.append(item)
    return chosen
