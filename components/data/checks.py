"""What the data as a whole must have before any work is spent on them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from components.data.contents import Content, Rejected
from components.data.splits import SIDES
from components.errors import DataError, meant
from components.params.data import Limits

NAMED = 10  # of more classes only so many are named


def check_positive(positive: str | None, classes: Sequence[str]) -> None:
    """DataError where `task.positive` is no class, or one of more than two."""
    if positive is None:
        return
    if len(classes) > 2:
        raise DataError(
            f"task.positive is {positive!r}, but there are {len(classes)} classes: {_few(classes)}.",
            "A decision threshold needs two classes: leave task.positive out, or join classes in "
            "data.labels.classes.",
        )
    if positive in classes:
        return
    hint = meant(positive, classes) or "."
    raise DataError(
        f"task.positive is {positive!r}, which is no class of the data{hint}",
        f"The classes are {_few(classes)}.",
    )


def check_recalls(asked: Iterable[str], classes: Sequence[str]) -> None:
    """DataError where a rule of the gate asks for the recall of what is no class."""
    for name in asked:
        if name not in classes:
            hint = meant(name, classes) or "."
            raise DataError(
                f"gate.rules asks for the recall of {name!r}, which is no class of the data{hint}",
                f"The classes are {_few(classes)}.",
            )


def check_classes_named(classes: Sequence[str]) -> None:
    """DataError where there are fewer than two classes."""
    if len(classes) < 2:
        raise DataError(
            f"{classes[0]!r} is the only class: there is nothing to tell it from."
            if classes
            else "No sample has a label."
        )


def _few(classes: Sequence[str]) -> str:
    return f"{', '.join(classes[:NAMED])}{' …' if len(classes) > NAMED else ''}"


def check_classes(
    contents: Sequence[Content],
    classes: Sequence[str],
    limits: Limits,
    of_sides: Sequence[str] = (),
    of_copies: Sequence[str] = (),
) -> None:
    """DataError that names every class which is empty, alone, too small, or absent from a side.

    Args:
        of_sides: remedies for a class that is absent from a side.
        of_copies: remedies for samples that were left out as copies.
    """
    counts = Counter(content.label for content in contents)
    sides: dict[str, set[str]] = defaultdict(set)
    for content in contents:
        sides[content.label].add(content.side)
    wrong = []
    if len(classes) < 2:
        wrong.append(f"{classes[0]!r} is the only class: there is nothing to tell it from")
    for name in classes:
        if counts[name] == 0:
            wrong.append(f"class {name!r} is empty")
        elif counts[name] < limits.min_per_class:
            held = f"{counts[name]} sample{'s' if counts[name] > 1 else ''}"
            wrong.append(f"class {name!r} has {held}, fewer than {limits.min_per_class}")
        else:
            # Without a class there, nothing can be learned, chosen, calibrated or measured about it.
            held = f"class {name!r} has {counts[name]} samples, but none in the split"
            wrong += [f"{held} {side}" for side in SIDES if side not in sides[name]]
    if wrong:
        more = f"; and so on, {len(wrong)} in all, of {len(classes)} classes" if len(wrong) > NAMED else ""
        column = "Does data.labels.label name the column of the classes? " if more else ""
        raise DataError(
            f"The classes cannot be learned: {'; '.join(wrong[:NAMED])}{more}.",
            " ".join(
                [
                    *of_copies,
                    *(of_sides if any("none in the split" in line for line in wrong) else ()),
                    f"{column}Add samples, change data.labels.classes or the shares in data.split, or lower "
                    "data.limits.min_per_class.",
                ]
            ),
        )


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
