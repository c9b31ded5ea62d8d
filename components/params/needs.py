"""What heads, methods and losses must be given by other sections, and what to set where it is missing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from components.params import plugins
from components.params.backbone import BackboneParams
from components.params.choosing import Choosing
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.learning import AUTO, HeadParams
from components.params.names import FEWEST_CLASSES
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.pretrain import PretrainParams
from components.params.release import GateParams
from components.params.task import AugmentParams, TaskParams
from components.params.tuning import TuneParams

if TYPE_CHECKING:
    from components.choices import Need

REMEDIES: "Mapping[Need, str]" = {
    "domains": "a source and a target domain: set domains.source and domains.target",
    "unlabelled": "samples without labels: set domains.target, or data.labels.unlabelled",
    "target_labels": "some labels of the target: set domains.target_labels: used",
    "source_start": "a network that was trained on the source: set tune.start: source",
    "batch_norms": "batch norms, which backbone.name does not have; for layer norms, take tune.then: tent",
    "images": "images: task.modality",
    "texts": "texts: task.modality",
    "views": "at least two views of a sample: set augment.views to 2 or more",
    "tasks": "several tasks: set pretrain.tasks to domain, or to one of data.labels.slices",
    "class_outputs": "classes: task.problem",
    "logits": "classes or labels: task.problem",
    "classes": "at least 5 classes to make tasks of, or pretrain.tasks: domain, or one of data.labels.slices",
}
OFFERED: "Mapping[Need, str]" = {"class_outputs": "classes", "logits": "logits"}  # by problems
KINDS: "tuple[Need, ...]" = ("images", "texts")  # of modalities


def remedy(need: "Need") -> str:
    """What is missing, and what to set; modalities and problems by what they state."""
    if need in KINDS:
        fit = [n for n in plugins.names("modalities") if plugins.fact("modalities", n, "KIND") == need]
    elif need in OFFERED:
        fit = [n for n in plugins.names("problems") if plugins.offers("problems", n, OFFERED[need])]
    else:
        return REMEDIES[need]
    return f"{REMEDIES[need]}: {', or '.join(fit) or 'none that is installed'}"


def methods(
    data: DataParams,
    domains: DomainsParams,
    task: TaskParams,
    backbone: BackboneParams,
    tune: TuneParams,
    objectives: ObjectivesParams,
    weighting: WeightingParams,
) -> Iterator[str]:
    held: Mapping[Need, bool] = {
        **_offered(task),
        "domains": domains.declared,
        "unlabelled": domains.declared
        or data.labels.unlabelled is not None
        or data.split.labelled_per_class is not None,
        "target_labels": domains.declared and domains.target_labels == "used",
        "source_start": tune.start == "source",
        "batch_norms": plugins.backbones()[backbone.name].norms == "batch",
    }
    sections = {
        "tune": tune,
        "objectives": objectives,
        "objectives.tasks": objectives.tasks,
        "weighting": weighting,
    }
    for name, section in sections.items():
        yield from _lacking(name, section, held)


def head(task: TaskParams, head: HeadParams) -> Iterator[str]:
    held = _offered(task)
    for line in _lacking("head", head, held):
        fit = (n for n in plugins.names("heads") if all(held.get(need) for need in plugins.needs("heads", n)))
        yield f"{line}; for {task.problem}: {', '.join(fit)}"


def smoothing(task: TaskParams, tune: TuneParams) -> Iterator[str]:
    if tune.label_smoothing and not _offers(task, "logits"):
        yield f"tune.label_smoothing is for {remedy('logits')}; for {task.problem} set it to 0"


def criterion(task: TaskParams, domains: DomainsParams) -> Iterator[str]:
    if domains.judged_unseen and not _has_classes(task):
        yield f"domains.criterion {domains.criterion!r} needs {remedy('class_outputs')}"


def overfitting(task: TaskParams, gate: GateParams) -> Iterator[str]:
    if gate.overfitting is None:
        return
    score = plugins.fact("problems", task.problem, "OVERFITTING", None)
    if score is None:
        yield f"gate.overfitting: training keeps no metric of task.problem {task.problem!r}: leave it out"
    elif gate.overfitting.metric not in (AUTO, score):
        yield f"gate.overfitting.metric: {gate.overfitting.metric!r} is not allowed. Allowed: {AUTO}, {score}"


def _lacking(name: str, section: Choosing, held: "Mapping[Need, bool]") -> Iterator[str]:
    """What the heads or methods that a section chooses must be given, and are not."""
    for key, table in section.choices():
        chosen = vars(section)[key]
        for need in plugins.needs(table, chosen):
            if need not in held:
                yield (
                    f"{name}.{key} {chosen!r} states the need {need!r}, which nothing in {plugins.GROUPS[table]} "
                    f"can have; allowed: {', '.join(held)}"
                )
            elif not held[need]:
                yield f"{name}.{key} {chosen!r} needs {remedy(need)}"


def _offered(task: TaskParams) -> "Mapping[Need, bool]":
    """What any head or method may need."""
    return {
        "images": task.kind == "images",
        "texts": task.kind == "texts",
        "class_outputs": _has_classes(task),
        "logits": _offers(task, "logits"),
    }


def _has_classes(task: TaskParams) -> bool:
    return _offers(task, "classes")


def _offers(task: TaskParams, what: str) -> bool:
    return plugins.offers("problems", task.problem, what)


def pretraining(
    data: DataParams, task: TaskParams, augment: AugmentParams, pretrain: PretrainParams
) -> Iterator[str]:
    classes = len(data.labels.classes)
    held: Mapping[Need, bool] = {
        **_offered(task),
        "views": augment.views >= 2,
        "tasks": pretrain.tasks is not None,
        # Where classes are not declared, the data say how many there are.
        "classes": pretrain.tasks is not None or not classes or classes >= FEWEST_CLASSES,
    }
    yield from _lacking("pretrain", pretrain, held)
    if pretrain.method == "prototypical" and pretrain.ways and 0 < classes < pretrain.ways:
        yield f"pretrain.ways is {pretrain.ways}; allowed: 2 to {classes}, the classes of data.labels"
    columns = (*(("domain",) if data.labels.domain else ()), *data.labels.slices)
    if pretrain.tasks is not None and pretrain.tasks not in columns:
        allowed = ", ".join(columns) or "none declared"
        yield f"pretrain.tasks {pretrain.tasks!r} is no column of data.labels; allowed: {allowed}"
