"""What no single section of params.yaml can see: each check names the sections that it compares."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from components.errors import meant
from components.params import names, plugins
from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.groups import fair_bounds, fair_class, fair_columns
from components.params.learning import AUTO, HeadParams, SelectParams
from components.params.monitoring import MonitoringParams, fewest_permutations
from components.params.names import FEWEST_CLASSES
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.pretrain import PretrainParams
from components.params.promotion import PromotionParams
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
    "images": "images: task.modality: image",
    "texts": "texts: task.modality: text",
    "views": "at least two views of a sample: set augment.views to 2 or more",
    "tasks": "several tasks: set pretrain.tasks to domain, or to one of data.labels.slices",
    "class_outputs": "classes: task.problem: classification",
    "logits": "classes or labels: task.problem: classification, or multi_label",
    "classes": "at least 5 classes to make tasks of, or pretrain.tasks: domain, or one of data.labels.slices",
}

SELECT = SelectParams()  # of which no problem has anything to say
FORSAKEN = (
    "but tune.start 'source' with domains.target_labels 'used' learns from the target alone: set tune.start: "
    "checkpoint, or domains.target_labels: hidden"
)


def combinations(sections: Mapping[str, Section]) -> list[str]:
    """What is wrong with sections that are right by themselves, a line each; checks that miss one are left out.

    A section that a check has a default for may be missing.
    """
    wrong: list[str] = []
    for check in CHECKS:
        wanted = inspect.signature(check).parameters
        if all(
            name in sections or held.default is not inspect.Parameter.empty for name, held in wanted.items()
        ):
            wrong += check(**{name: sections[name] for name in wanted if name in sections})
    return wrong


def _problem(data: DataParams, task: TaskParams, select: SelectParams = SELECT) -> Iterator[str]:
    """What the problem itself has against these sections."""
    wrong: Callable[..., Iterator[str]] = plugins.fact("problems", task.problem, "wrong")
    yield from wrong(task, data, select)


def _placed(task: TaskParams, augment: AugmentParams) -> Iterator[str]:
    """Views move a sample, but not what is known of places in it."""
    moves = {"flips": False, "quarter_turns": False, "shift": 0}
    if augment.views > 1 and getattr(plugins.about("problems", task.problem), "PLACED", False):
        for key, still in moves.items():
            if getattr(augment, key):
                yield (
                    f"augment.{key} moves a sample, but targets of task.problem {task.problem} have places in it and "
                    f"would stay: set it to {str(still).lower()}"
                )


def _kind(task: TaskParams, backbone: BackboneParams) -> Iterator[str]:
    known = plugins.backbones()
    if task.kind != (sees := known[backbone.name].sees):
        fit = ", ".join(name for name, facts in known.items() if facts.sees == task.kind)
        yield (
            f"task.modality {task.modality!r} has {task.kind}, but backbone.name {backbone.name!r} takes "
            f"{sees}; allowed: {fit or 'none is installed'}"
        )


def _head_metric(task: TaskParams, head: HeadParams) -> Iterator[str]:
    yield from _unknown(task, {"head.metric": head.metric})


def _select_metric(task: TaskParams, select: SelectParams) -> Iterator[str]:
    yield from _unknown(task, {"select.metric": select.metric})


def _gate_metrics(task: TaskParams, gate: GateParams) -> Iterator[str]:
    parts: Mapping[str, str] = plugins.fact("problems", task.problem, "PARTS")
    named = {}
    for number, rule in enumerate(gate.rules):
        of = parts.get(rule.metric)
        if of is None:
            named[f"gate.rules.{number}.metric"] = rule.metric
        if of is not None and rule.of is None:
            yield f"gate.rules.{number}: {rule.metric} is of one {of}: name it, `class: NAME`"
        if of is None and rule.of is not None:
            known = ", ".join(parts) or "no metric"
            yield f"gate.rules.{number}: {rule.metric} is of all; class goes with {known}: leave it out"
    named["gate.better_than_controls.metric"] = gate.better_than_controls.metric
    if gate.forgetting is not None:
        named["gate.forgetting.metric"] = gate.forgetting.metric
    if gate.fairness is not None:
        named["gate.fairness.metric"] = gate.fairness.metric
    yield from _unknown(task, named)


def _promotion_metrics(task: TaskParams, promotion: PromotionParams) -> Iterator[str]:
    parts = plugins.fact("problems", task.problem, "PARTS")
    named = {f"promotion.margins.{name}": name for name in promotion.margins if name not in parts}
    named |= {"promotion.metric": promotion.metric, "promotion.slices.metric": promotion.slices.metric}
    yield from _unknown(task, named)


def _best_by(task: TaskParams, tune: TuneParams) -> Iterator[str]:
    allowed = ("loss", *plugins.fact("problems", task.problem, "BEST_BY"))
    if tune.best_by not in allowed:
        hint = meant(tune.best_by, allowed) or "."
        yield f"tune.best_by: {tune.best_by!r} is not allowed{hint} Allowed: {', '.join(allowed)}"


def _unknown(task: TaskParams, named: Mapping[str, str]) -> Iterator[str]:
    allowed = (AUTO, *plugins.metrics(task.problem))
    for key, name in named.items():
        if name not in allowed:
            yield f"{key}: {name!r} is not allowed{meant(name, allowed) or '.'} Allowed: {', '.join(allowed)}"


def _blocks(backbone: BackboneParams, tune: TuneParams, pretrain: PretrainParams) -> Iterator[str]:
    """Of a library's network only its files say how many blocks it has."""
    held = plugins.backbones()[backbone.name].blocks
    wanted = {"tune.blocks": tune.blocks}
    if pretrain.method != "none":
        wanted["pretrain.blocks"] = pretrain.blocks
    for key, blocks in wanted.items():
        if held is not None and blocks > held:
            yield f"{key} is {blocks}; allowed: 1 to {held}, the blocks of {backbone.name}"


def _longest(task: TaskParams, backbone: BackboneParams) -> Iterator[str]:
    most = plugins.backbones()[backbone.name].longest
    if most is not None and task.input_size is not None and task.input_size > most:
        yield f"task.input_size is {task.input_size}; allowed: 16 to {most}, the most tokens that {backbone.name} takes"


def _forgetting(domains: DomainsParams, gate: GateParams) -> Iterator[str]:
    if gate.forgetting is not None and not domains.declared:
        yield (
            "gate.forgetting needs a source task, whose loss it bounds: set domains.source and domains.target, or "
            "leave gate.forgetting out"
        )


def _slices(data: DataParams, gate: GateParams) -> Iterator[str]:
    declared = set(data.labels.slices)
    allowed = ", ".join(sorted(declared)) or "none declared"
    for rule in gate.rules:
        if rule.slice and rule.slice.split("=")[0] not in declared:
            yield f"gate.rules: slice {rule.slice!r} is not in data.labels.slices ({allowed})"


def _recalls(data: DataParams, gate: GateParams) -> Iterator[str]:
    """Where the data name the classes, or a folder does, `components.data.before` looks."""
    declared = tuple(data.labels.classes)
    for rule in gate.rules:
        if rule.of is not None and declared and rule.of not in declared:
            hint, allowed = meant(rule.of, declared) or ".", ", ".join(declared)
            yield f"gate.rules: class {rule.of!r} is not in data.labels.classes{hint} Allowed: {allowed}"


def _allowances(data: DataParams, promotion: PromotionParams) -> Iterator[str]:
    declared = set(data.labels.slices)
    allowed = ", ".join(sorted(declared)) or "none declared"
    for name in promotion.slices.of:
        column, sign, _ = name.partition("=")
        if not sign or column not in declared:
            yield f"promotion.slices.of: {name!r} is no `column=value` of data.labels.slices ({allowed})"


def _tasks(data: DataParams, objectives: ObjectivesParams) -> Iterator[str]:
    declared = data.labels.slices
    for name in objectives.tasks.columns:
        if name not in declared:
            allowed = ", ".join(declared) or "none declared"
            hint = meant(name, declared)
            yield f"objectives.tasks.columns: {name!r} is not in data.labels.slices ({allowed}){hint}"


def _domain_column(data: DataParams, domains: DomainsParams) -> Iterator[str]:
    if domains.declared and data.labels.domain is None:
        yield "domains names domains, but no column says which a sample is of; set data.labels.domain"


def _start(domains: DomainsParams, tune: TuneParams) -> Iterator[str]:
    if tune.start == "source" and not domains.declared:
        yield "tune.start 'source' needs a source domain: set domains.source and domains.target"


def _alike(domains: DomainsParams, tune: TuneParams, objectives: ObjectivesParams) -> Iterator[str]:
    if objectives.align != "none" and _forsakes_source(domains, tune):
        yield f"objectives.align {objectives.align!r} compares what is learned from with the target, {FORSAKEN}"


def _weighed(domains: DomainsParams, tune: TuneParams, weighting: WeightingParams) -> Iterator[str]:
    if weighting.method != "none" and _forsakes_source(domains, tune):
        yield f"weighting.method {weighting.method!r} says how much samples of the source count, {FORSAKEN}"


def _forsakes_source(domains: DomainsParams, tune: TuneParams) -> bool:
    """Nothing of the source is left among what fine-tuning learns from."""
    return domains.declared and tune.start == "source" and domains.target_labels == "used"


def _needs(
    data: DataParams,
    domains: DomainsParams,
    task: TaskParams,
    backbone: BackboneParams,
    tune: TuneParams,
    objectives: ObjectivesParams,
    weighting: WeightingParams,
) -> Iterator[str]:
    held: Mapping[Need, bool] = {
        "domains": domains.declared,
        "unlabelled": domains.declared
        or data.labels.unlabelled is not None
        or data.split.labelled_per_class is not None,
        "target_labels": domains.declared and domains.target_labels == "used",
        "source_start": tune.start == "source",
        "batch_norms": plugins.backbones()[backbone.name].norms == "batch",
        "class_outputs": _has_classes(task),
    }
    chosen = {
        "tune.method": tune.method,
        "tune.then": tune.then,
        "objectives.keep": objectives.keep,
        "objectives.align": objectives.align,
        "objectives.confident": objectives.confident,
        "weighting.method": weighting.method,
    }
    for key, name in chosen.items():
        for need in names.needs(name):
            if not held[need]:
                yield f"{key} {name!r} needs {REMEDIES[need]}"


def _head(task: TaskParams, head: HeadParams) -> Iterator[str]:
    held: Mapping[Need, bool] = {"class_outputs": _has_classes(task), "logits": _offers(task, "logits")}
    for need in names.needs(head.method):
        if not held[need]:
            fit = ", ".join(
                n for n, other in names.heads().items() if all(map(held.__getitem__, other.needs))
            )
            yield f"head.method {head.method!r} needs {REMEDIES[need]}; for {task.problem}: {fit}"


def _smoothing(task: TaskParams, tune: TuneParams) -> Iterator[str]:
    if tune.label_smoothing and not _offers(task, "logits"):
        yield f"tune.label_smoothing is for {REMEDIES['logits']}; for {task.problem} set it to 0"


def _criterion(task: TaskParams, domains: DomainsParams) -> Iterator[str]:
    if domains.judged_unseen and not _has_classes(task):
        yield f"domains.criterion {domains.criterion!r} needs {REMEDIES['class_outputs']}"


def _overfitting(task: TaskParams, gate: GateParams) -> Iterator[str]:
    if gate.overfitting is not None and not _has_classes(task):
        yield f"gate.overfitting compares accuracies, which need {REMEDIES['class_outputs']}: leave it out"


def _has_classes(task: TaskParams) -> bool:
    return _offers(task, "classes")


def _offers(task: TaskParams, what: str) -> bool:
    return what in plugins.fact("problems", task.problem, "OFFERS")


def _pretraining(
    data: DataParams, task: TaskParams, augment: AugmentParams, pretrain: PretrainParams
) -> Iterator[str]:
    classes = len(data.labels.classes)
    held: Mapping[Need, bool] = {
        "images": task.kind == "images",
        "texts": task.kind == "texts",
        "class_outputs": _has_classes(task),
        "views": augment.views >= 2,
        "tasks": pretrain.tasks is not None,
        # Where classes are not declared, the data say how many there are.
        "classes": pretrain.tasks is not None or not classes or classes >= FEWEST_CLASSES,
    }
    for need in names.needs(pretrain.method):
        if not held[need]:
            yield f"pretrain.method {pretrain.method!r} needs {REMEDIES[need]}"
    if pretrain.method == "prototypical" and pretrain.ways and 0 < classes < pretrain.ways:
        yield f"pretrain.ways is {pretrain.ways}; allowed: 2 to {classes}, the classes of data.labels"
    columns = (*(("domain",) if data.labels.domain else ()), *data.labels.slices)
    if pretrain.tasks is not None and pretrain.tasks not in columns:
        allowed = ", ".join(columns) or "none declared"
        yield f"pretrain.tasks {pretrain.tasks!r} is no column of data.labels; allowed: {allowed}"


def _permutations(task: TaskParams, monitoring: MonitoringParams) -> Iterator[str]:
    tests = plugins.fact("modalities", task.modality, "MEASURED") + len(
        ("embeddings", "classes", "confidence")
    )
    rate = monitoring.alarm_rate
    needed = fewest_permutations(tests, rate)
    if monitoring.permutations < needed:
        yield (
            f"monitoring.permutations is {monitoring.permutations}: a window has up to {tests} tests, and at a rate of "
            f"{rate:.4g} none by permutations could ever raise an alarm; allowed: {needed} or more"
        )


CHECKS: tuple[Callable[..., Iterator[str]], ...] = (
    _problem,
    _placed,
    _kind,
    _head_metric,
    _select_metric,
    _gate_metrics,
    _promotion_metrics,
    _best_by,
    _blocks,
    _longest,
    _forgetting,
    _slices,
    _recalls,
    fair_columns,
    fair_bounds,
    fair_class,
    _allowances,
    _tasks,
    _domain_column,
    _start,
    _alike,
    _weighed,
    _needs,
    _head,
    _smoothing,
    _criterion,
    _overfitting,
    _pretraining,
    _permutations,
)
