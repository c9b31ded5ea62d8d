"""What a user must see after the data were read: one paragraph of counts, then what is probably not as it was meant."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import ceil
from typing import cast

from components.data.contents import Content
from components.data.foreign import listed
from components.data.lock import REFRESH, Lock
from components.data.scan import Seen
from components.data.splits import SIDES
from components.params.data import DataParams
from components.params.task import TaskParams
from components.storage.publish import Json

# From this share on, near copies are no accident.
MANY_COPIES = 0.05
DEEP = 16
# What so large a share of the pictures fits into is what the camera gives.
USUAL = 0.9


def summary(report: Mapping[str, Json], targets: str) -> str:
    """`targets` (classes with counts, a range of numbers), splits, ignored files, quarantined samples, copies."""
    sides = cast("dict[str, dict[str, Json]]", report["sides"])
    quarantine = cast("dict[str, Json]", report["quarantine"])
    near = cast("dict[str, int]", report["near_duplicates"])
    ignored, reasons = _counts(report["ignored"]), _counts(quarantine["kinds"])
    bare = report["unlabelled"]
    placed = [f"{side} {facts['samples']}" for side, facts in sides.items()]
    parts = [
        f"{report['samples']} samples{f' ({bare} unlabelled)' if bare else ''} {targets}.",
        f"Splits: {', '.join(placed)}.",
        f"Ignored files: {report['ignored_files']}{_brackets(ignored)}.",
        f"Quarantined samples: {quarantine['samples']}{_brackets(reasons)}.",
        f"Near copies left out: {near['excluded']}; identical copies: {report['identical_copies']}"
        f"{_lower(report['copies_on_lower_sides'])}.",
    ]
    return " ".join(parts)


def warnings(seen: Sequence[Seen], task: TaskParams) -> list[str]:
    """Sentences about what was read and kept, beside those about its labels."""
    return [
        *_cut_groups([item.content for item in seen]),
        *_unused_bits(seen, task.bits or DEEP),
    ]


def side_remedies(contents: Sequence[Content], lock: Lock, params: DataParams) -> list[str]:
    """What helps where a class has no sample on a side."""
    if params.split.folds or any(content.among != SIDES for content in contents):
        return []
    if lock.assignments is None:
        return [f"{REFRESH} It deals samples of small classes to every split."]
    return ["Another data.split.salt deals the samples of all classes to the splits again."]


def near_remedies(excluded: int, total: int) -> list[str]:
    """Where near copies are so many that they may be what the data are like."""
    if excluded <= MANY_COPIES * total:
        return []
    return [
        f"{excluded} of {total} samples were left out as near copies of samples in other splits. Where one camera and "
        "one scene make all samples alike, write `near_duplicates: off` below data, and name the column of what "
        "belongs together (a part, a series, a day) in data.labels.group."
    ]


def _cut_groups(contents: Sequence[Content]) -> list[str]:
    """Groups with samples that came from another group and stayed where they were. Declared sides may cut any."""
    sides: dict[str, Counter[str]] = defaultdict(Counter)
    for content in contents:
        if content.group and content.among == SIDES:
            sides[content.group][content.side] += 1
    # Of a fold that validates, some samples calibrate.
    cut = [on for on in sides.values() if len(on) > 1 and not on.keys() <= {"validation", "calibration"}]
    if not cut:
        return []
    return [
        f"{len(cut)} groups have samples in several splits: {sum(on.total() - max(on.values()) for on in cut)} samples "
        "lie apart from most of their group, as they were in their split before they came to it. Where such samples "
        "are many, another data.split.salt keeps all groups whole again."
    ]


def _unused_bits(seen: Sequence[Seen], bits: int) -> list[str]:
    """16-bit pictures that are darker than 16 bits can say."""
    found: dict[bool, list[int]] = defaultdict(list)
    for item in seen:
        used, mode = item.facts.get("bits"), str(item.facts.get("mode"))
        grey = mode.startswith("I")
        if isinstance(used, int) and (grey or used > 8):
            found[grey].append(used)
    said = _grey_bits(found[True], bits) if found[True] else []
    colour_used = max(found[False], default=DEEP)
    if colour_used < DEEP:
        said.append(
            f"{len(found[False])} images in 16-bit colour use about {colour_used} bits, and the lower 8 of 16 are not "
            "read: convert them to 8 bits at the source."
        )
    return said


def _grey_bits(used: Sequence[int], bits: int) -> list[str]:
    """Nothing where `bits` fits. A few pictures that use far more than the others do not hide what most need."""
    most = max(used)
    usual = sorted(used)[ceil(USUAL * len(used)) - 1]
    usual = usual if usual < most - 1 else most  # one bit is half the light, as scenes differ
    levels = 2 ** max(0, min(8, usual - bits + 8))
    lost = f"only {levels} of 256 levels are left" if usual < bits else "what is brighter becomes white"
    fitting, brighter = sum(number <= usual for number in used), sum(number > usual for number in used)
    of_all = f"{fitting} of {len(used)}" if brighter else f"{len(used)}"
    said = []
    if usual != bits:
        said.append(
            f"{of_all} images in 16-bit grey use {usual} bits, but task.bits is {bits}: {lost}. "
            f"Write `bits: {usual}` below task."
        )
    if brighter and (bits < most or usual != bits):
        said.append(
            f"{brighter} of {len(used)} images in 16-bit grey use up to {most} bits: what is brighter than {usual} "
            "bits can say becomes white. Convert them at the source."
        )
    return said


def _counts(value: Json) -> dict[str, int]:
    return cast("dict[str, int]", value)


def _brackets(counts: Mapping[str, int]) -> str:
    return f" ({listed(counts)})" if counts else ""


def _lower(count: Json) -> str:
    return f", {count} of them in lower splits" if count else ""
