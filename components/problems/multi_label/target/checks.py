"""What labels and their counts must be, and what in them is probably not as it was meant."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from components.errors import DataError, meant
from components.params.data import SPLITS, Labels, Limits
from components.problems.doubts import alike, in_rows, no_value, rows
from components.problems.labels import Remedies
from components.problems.multi_label.params import MultiLabelParams
from components.problems.multi_label.target.cells import SEPARATORS

NAMED = 10
NOTHING = "no label"  # what reports call a sample with an empty set
SHOWN = 12
# Of fewer test samples with a label, or without it, no metric of it can be told well.
FEW_TESTS = 6


def check_some(names: Sequence[str]) -> None:
    """DataError without any label, or with one that is called as samples without a label are."""
    if not names:
        raise DataError("No sample has a label.", "Does data.labels.label name the column of the labels?")
    if NOTHING in names:
        raise DataError(
            f"A label is called {NOTHING!r}, as reports call samples that have none.",
            f'Rename it, or write `none: "{NOTHING}"` below task where it means that.',
        )


def check_asked(asked: Iterable[str], names: Sequence[str]) -> None:
    """DataError where a rule of the gate is about a label that is none."""
    for name in asked:
        if name not in names:
            raise DataError(
                f"gate.rules names the label {name!r}, which is none of the data{meant(name, names) or '.'}",
                f"The labels are {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''}.",
            )


def check_labels(
    samples: Sequence[tuple[Sequence[str], str]], names: Sequence[str], limits: Limits, remedies: Remedies
) -> None:
    """DataError that names every label which too few samples have, or have not, in all or in a split.

    Args:
        samples: labels and split of each.
    """
    sizes = Counter(split for _, split in samples)
    held = Counter((name, split) for labels, split in samples for name in labels)
    wrong, of_split = [], False
    for name in names:
        having = sum(held[name, split] for split in SPLITS)
        few = _too_few(name, having, len(samples) - having, limits.min_per_class)
        apart = [] if few else [_on(split, name, held[name, split], sizes[split]) for split in SPLITS]
        of_split = of_split or any(apart)
        wrong += [line for line in (*few, *apart) if line]
    _refuse(wrong, names, [*remedies.of_copies, *(remedies.of_splits if of_split else ())])


def check_counts(samples: Sequence[Sequence[str]], names: Sequence[str], least: int) -> None:
    """DataError that names every label which fewer than `least` samples have, or have not, whatever their splits."""
    held = Counter(name for labels in samples for name in labels)
    wrong = [line for name in names for line in _too_few(name, held[name], len(samples) - held[name], least)]
    _refuse(wrong, names)


def _refuse(wrong: Sequence[str], names: Sequence[str], remedies: Sequence[str] = ()) -> None:
    if not wrong:
        return
    more = f"; and so on, {len(wrong)} in all, of {len(names)} labels" if len(wrong) > NAMED else ""
    raise DataError(
        f"The labels cannot be learned: {'; '.join(wrong[:NAMED])}{more}.",
        " ".join(
            [
                *remedies,
                "Add samples, leave the label out of task.labels and the table, change the shares in data.split, or "
                "lower data.limits.min_per_class.",
            ]
        ),
    )


def _too_few(name: str, having: int, without: int, least: int) -> list[str]:
    found = []
    for count, every, which in ((having, "no", "with"), (without, "every", "without")):
        if not count:
            found.append(f"{every} sample has the label {name!r}")
        elif count < least:
            found.append(f"{_samples(count)} {which} the label {name!r} are fewer than {least}")
    return found


def _on(split: str, name: str, having: int, size: int) -> str:
    """Without both there, nothing can be learned, chosen, calibrated or measured about the label."""
    if 0 < having < size:
        return ""
    return f"{'every' if having else 'no'} sample of the split {split} has the label {name!r}"


def _samples(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"


def counted(counts: Mapping[str, int]) -> str:
    """`a 30, b 12`; of many labels the most frequent, and the rarest one."""
    if len(counts) <= SHOWN:
        return ", ".join(f"{name} {count}" for name, count in counts.items())
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{name} {count}" for name, count in ranked[: SHOWN - 2])
    return f"{shown}, … and {len(counts) - SHOWN + 2} more, the rarest {ranked[-1][0]} {ranked[-1][1]}"


def few_tests(tests: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """A sentence on labels that few test samples have, or have not."""
    held = Counter(name for labels in tests for name in labels)
    few = {name: held[name] for name in names if held[name] < FEW_TESTS}
    many = {name: len(tests) - held[name] for name in names if len(tests) - held[name] < FEW_TESTS}
    return [
        f"Fewer than {FEW_TESTS} test samples {words}: {counted(found)}. What is measured of such a label is "
        "uncertain, and the gate may end inconclusive: add samples."
        for found, words in ((few, "have these labels"), (many, "are without these labels"))
        if found
    ]


def look_alike(names: Sequence[str]) -> list[str]:
    """A sentence where people may take several labels for one."""
    same = alike(names)
    sentence = (
        f"These labels look alike, but are separate: {same}. Where they are one, correct them in the table."
    )
    return [sentence] if same else []


def doubtful(labels: Labels, options: MultiLabelParams, cells: Iterable[str]) -> list[str]:
    """What in a column of labels is probably not meant, a sentence each."""
    counts = Counter(cells)
    where = f"{labels.file}: the column {labels.label!r}"
    sentences = []
    taken = {labels.unlabelled, options.none, *options.labels}
    words = [word for word in no_value(counts) if word not in taken]
    if words:
        sentences.append(
            f"{where} holds {in_rows(words, counts)}; each is a label. If it means that a sample has none of the "
            f'labels, write `none: "{min(words)}"` below task; if it means that nobody knows, `unlabelled: '
            f'"{min(words)}"` below data.labels; if it is a label, name it in task.labels.'
        )
    for key, word in (("data.labels.unlabelled", labels.unlabelled), ("task.none", options.none)):
        if word is not None and word not in counts:
            empty = f" {rows(counts[''])} hold nothing, which is written ''." if counts[""] else ""
            sentences.append(f"{where} never holds {word!r}, which {key} names.{empty}")
    if counts[""] and options.none is None and labels.unlabelled is None:
        sentences.append(
            f"{where} holds nothing in {rows(counts[''])}. If such a sample has none of the labels, write "
            '`none: ""` below task; if nobody knows its labels, `unlabelled: ""` below data.labels.'
        )
    if hint := _separated_otherwise(counts, options):
        sentences.append(f"{where}: {hint}")
    return sentences


def _separated_otherwise(counts: Mapping[str, int], options: MultiLabelParams) -> str:
    """A sentence where no cell holds task.separator, but some hold another sign that may be one. Empty otherwise."""
    other = _other_separator(counts, options)
    if other is None:
        return ""
    return (
        f"task.separator is {options.separator!r}, which no cell holds, but {rows(other[1])} hold {other[0]!r}. If "
        f'that stands between labels, write `separator: "{other[0]}"` below task.'
    )


def _other_separator(counts: Mapping[str, int], options: MultiLabelParams) -> tuple[str, int] | None:
    if any(options.separator in cell for cell in counts):
        return None
    found = {
        sign: sum(count for cell, count in counts.items() if sign in cell)
        for sign in SEPARATORS
        if sign != options.separator
    }
    best = max(found.items(), key=lambda pair: pair[1])
    return best if best[1] else None
