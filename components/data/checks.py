"""What the data as a whole must have before any work is spent on them."""

from collections import Counter
from collections.abc import Sequence

from components.data.contents import Rejected
from components.errors import DataError
from components.params.data import Limits


def check_quarantine(rejected: Sequence[Rejected], total: int, limits: Limits) -> None:
    """DataError, with counts and examples, where more than the allowed share cannot be used."""
    if len(rejected) <= limits.quarantine_share * total:
        return
    kinds = Counter(item.kind for item in rejected)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    examples = "; ".join(f"{item.path}: {item.reason}" for item in _examples(rejected))
    raise DataError(
        f"{len(rejected)} of {total} samples cannot be used ({counted}); "
        f"{limits.quarantine_share:.1%} are allowed. For instance {examples}.",
        "Fix or remove them at the source, or raise data.limits.quarantine_share.",
    )


def _examples(rejected: Sequence[Rejected]) -> list[Rejected]:
    """Up to two of each kind."""
    seen: Counter[str] = Counter()
    chosen = []
    for item in rejected:
        seen[item.kind] += 1
        if seen[item.kind] <= 2:
            chosen.append(item)
    return chosen
