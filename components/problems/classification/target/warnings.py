"""What in class names and their counts is probably not as it was meant."""

from collections import Counter
from collections.abc import Mapping, Sequence

from components.params.conditions import number
from components.problems.doubts import alike
from components.problems.labels import Labelled

CLASSES = 12  # of more, only so many are named
NUMBERS = 20  # of more classes that are all whole numbers, these are probably measured
NAMED = 5
# Of fewer test samples of a class, no metric of it can be told well.
FEW_TESTS = 6


def numeric(classes: Sequence[str]) -> str:
    """A sentence where classes are probably numbers to be predicted: many, or with decimals. Empty otherwise."""
    values = [number(name) for name in classes]
    told = [value for value in values if value is not None]
    if len(classes) < 3 or len(told) < len(classes):
        return ""
    if len(classes) <= NUMBERS and all(value == value.to_integral_value() for value in told):
        return ""
    shown = ", ".join(classes[:NAMED]) + (" …" if len(classes) > NAMED else "")
    return (
        f"All {len(classes)} classes are numbers: {shown} Where a number is to be predicted, take task.problem: "
        "regression."
    )


def class_counts(counts: Mapping[str, int]) -> str:
    """`a 30, b 12`; of many classes the largest, and the smallest one."""
    if len(counts) <= CLASSES:
        return ", ".join(f"{name} {count}" for name, count in counts.items())
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{name} {count}" for name, count in ranked[: CLASSES - 2])
    return f"{shown}, … and {len(counts) - CLASSES + 2} more, the smallest {ranked[-1][0]} {ranked[-1][1]}"


def look_alike(classes: Sequence[str]) -> list[str]:
    """A sentence where people may take several classes for one."""
    same = alike(classes)
    sentence = (
        f"These classes look alike, but are separate: {same}. Where they are one, correct the labels at the source, "
        "or name the folders alike."
    )
    return [sentence] if same else []


def few_tests(samples: Sequence[Labelled], classes: Sequence[str]) -> list[str]:
    tests = Counter(sample.label for sample in samples if sample.split == "test")
    few = {name: tests[name] for name in classes if tests[name] < FEW_TESTS}
    if not few:
        return []
    return [
        f"Fewer than {FEW_TESTS} test samples: {class_counts(few)}. What is measured of such a class is uncertain, "
        "and the gate may end inconclusive: add samples of it."
    ]
