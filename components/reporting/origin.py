"""Where it all comes from: data, licences, lineage; and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.data.splits import SIDES
from components.params import plugins
from components.problems.shown import Words, in_words
from components.reporting.bars import share_bar
from components.reporting.judgement import Grid, Row
from components.reporting.material import Material, Object, mapping, sequence
from components.reporting.notation import inside, number, title

LEARNERS = {"head": "head on frozen features", "tuned": "fine-tuned network"}


@dataclass(frozen=True)
class Fact:
    """A name and its value; `code` marks digests and addresses, which may break anywhere."""

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Timing:
    """One stage's last execution."""

    stage: str
    seconds: str
    at: str
    bar: Markup


def sides(material: Material) -> Grid:
    """Samples of each side, and what is said of their targets: counts of classes, a range."""
    found = mapping(material.data_report.get("sides"))
    said = {
        side: material.show.counts(mapping(mapping(facts).get("targets"))) for side, facts in found.items()
    }
    names = tuple(material.show.counts(mapping(material.data_report.get("targets"))))
    rows = tuple(
        Row(
            side,
            (
                in_words(mapping(found[side]).get("samples")),
                *(said[side].get(name, in_words(None)) for name in names),
            ),
        )
        for side in SIDES
        if side in found
    )
    return Grid(("Samples", *names), rows)


def data_facts(material: Material) -> list[Fact]:
    """What the data hold besides good samples, and the warnings about them."""
    report, near = material.data_report, mapping(material.data_report.get("near_duplicates"))
    quarantine = mapping(report.get("quarantine"))
    kinds = ", ".join(f"{count} {kind}" for kind, count in mapping(quarantine.get("kinds")).items())
    wanted = [
        ("Near-duplicate pairs", near.get("pairs")),
        ("… of them across sides", near.get("straddling_pairs")),
        ("… of them with different labels", near.get("disagreeing_labels")),
        ("Samples left out because of them", near.get("excluded")),
        ("Identical copies merged", report.get("identical_copies")),
        ("… of them left out of lower sides", report.get("copies_on_lower_sides")),
        ("Ignored files", report.get("ignored_files")),
        ("Contents with contradicting labels", mapping(report.get("contradictions")).get("contents")),
        ("Quarantined samples", quarantine.get("samples")),
    ]
    facts = [Fact(name, in_words(value)) for name, value in wanted if number(value) is not None]
    if kinds:
        facts.append(Fact("Reasons for quarantine", kinds))
    # The first note is the counts, which stand above already.
    return facts + [Fact("Warning", str(note)) for note in sequence(report.get("notes"))[1:]]


def rejected(material: Material, most: int = 20) -> list[Fact]:
    """Path and reason of quarantined samples, at most `most` of them."""
    found = [mapping(item) for item in sequence(material.quarantine.get("quarantined"))[:most]]
    return [Fact(str(item.get("path", "?")), str(item.get("reason", ""))) for item in found]


def selected(material: Material, method: str = "") -> str:
    """`head on frozen features (logistic)`; empty where nothing was selected.

    Args:
        method: what tuned the network, for where that one was selected.
    """
    name = str(material.selected.get("chosen", ""))
    kind = str(material.selected.get("head") or "") if name == "head" else method
    return f"{LEARNERS.get(name, name)}{f' ({kind})' if name and kind else ''}"


def judged(material: Material, method: str = "") -> list[str]:
    """What the verdict is about: what was selected, the size of its input, and the scores that decided."""
    task = mapping(material.release.get("task"))
    size = number(task.get("input_size"))
    scores = mapping(material.selected.get("validation"))
    known = [(LEARNERS.get(name, name), number(score)) for name, score in scores.items()]
    told = ", ".join(f"{name} {score:.3f}" for name, score in known if score is not None)
    metric = inside(title(str(material.selected.get("metric", "score")), material.titles))
    words = [selected(material, method)]
    if size is not None:
        words.append(f"input {_size(task).format(round(size))}")
    if told:
        words.append(f"{metric} on validation data: {told}")
    return words if words[0] else []


def _size(task: Object) -> str:
    """How the modality says an input's size: `{0} tokens`. Manifests of before name a task by one word."""
    modality = str(task.get("modality") or str(task.get("name")).partition("_")[0])
    if modality not in plugins.names("modalities"):
        return "size {0}"
    return str(plugins.fact("modalities", modality, "SIZE", "size {0}"))


def lineage(material: Material, method: str = "") -> list[Fact]:
    """From the release back to raw data and checkpoint."""
    adaptation = mapping(material.adapted.get("adaptation"))
    made_of = [
        ("Data source", material.source.get("uri") or mapping(material.dataset.get("source")).get("uri")),
        ("Data revision", material.source.get("revision")),
        ("Data digest", material.dataset.get("digest")),
        ("Checkpoint", material.checkpoint.get("name")),
        ("Checkpoint source", material.checkpoint.get("uri")),
        ("Checkpoint digest", material.checkpoint.get("sha256")),
        ("Weights digest", material.checkpoint.get("weights_sha256")),
        ("Adapted by", adaptation.get("method")),
        ("Adapted weights digest", material.adapted.get("weights_sha256") if adaptation else None),
    ]
    decided = [("Selected", selected(material, method)), *fitted(material)]
    digests = [
        ("Test digest", material.metrics.get("test_digest")),
        *(
            (f"Release: {file}", mapping(facts).get("sha256"))
            for file, facts in mapping(material.release.get("files")).items()
        ),
    ]
    plain = ("Checkpoint", "Adapted by", *(name for name, _ in decided))
    pairs = [*made_of, *decided, *digests]
    return [Fact(name, str(value), name not in plain) for name, value in pairs if value]


def fitted(material: Material) -> Sequence[Words]:
    """What calibration found, in words; nothing where nothing was selected."""
    return material.show.fitted(material.fitted) if material.fitted else ()


def licences(material: Material) -> list[Fact]:
    """Under which terms data and checkpoint may be used; a missing licence is said aloud."""
    data = material.dataset.get("licence") or material.source.get("licence")
    pairs = [
        ("Data", material.dataset or material.source, data),
        ("Checkpoint", material.checkpoint, material.checkpoint.get("licence")),
    ]
    return [Fact(name, str(licence or "not declared")) for name, artefact, licence in pairs if artefact]


def timings(found: Object) -> list[Timing]:
    """Seconds of every stage's last execution, in the order of execution."""
    read = [(stage, mapping(facts), number(mapping(facts).get("seconds"))) for stage, facts in found.items()]
    known = [
        (stage, str(facts.get("at", "")), seconds) for stage, facts, seconds in read if seconds is not None
    ]
    longest = max((seconds for _, _, seconds in known), default=1.0) or 1.0
    return [
        Timing(stage, f"{seconds:.1f} s", at.replace("T", " ").rstrip("Z"), share_bar(seconds / longest))
        for stage, at, seconds in sorted(known, key=lambda item: item[1])
    ]


def evaluations(material: Material) -> int | None:
    """How often this test side was evaluated, where it was counted."""
    digest = material.metrics.get("test_digest")
    return sum(line.get("test_digest") == digest for line in material.evaluations) or None
