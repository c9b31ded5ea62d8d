"""What no single section of params.yaml can see: each check names the sections that it compares."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping

from components.errors import meant
from components.params import metrics, needs, plugins
from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.bounds import bounds, margins
from components.params.conditions import number, turned
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.groups import fair_bounds, fair_class, fair_columns, undeclared
from components.params.learning import SelectParams
from components.params.monitoring import MonitoringParams, fewest_permutations
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.pretrain import PretrainParams
from components.params.promotion import PromotionParams
from components.params.release import GateParams
from components.params.task import AugmentParams, TaskParams
from components.params.tuning import TuneParams
from components.params.uncalibrated import uncalibrated

Check = Callable[..., Iterator[str]]
SELECT = SelectParams()  # of which no problem has anything to say
FORSAKEN = (
    "but tune.start 'source' with domains.target_labels 'used' learns from the target alone: set tune.start: "
    "checkpoint, or domains.target_labels: hidden"
)


def combinations(sections: Mapping[str, Section], skipped: Collection["Check"] = ()) -> list[str]:
    """What is wrong with sections that are right by themselves, a line each; checks that miss one are left out.

    A section that a check has a default for may be missing.
    """
    wrong: list[str] = []
    for check in (check for check in CHECKS if check not in skipped):
        wanted = inspect.signature(check).parameters
        if all(
            name in sections or held.default is not inspect.Parameter.empty for name, held in wanted.items()
        ):
            wrong += check(**{name: sections[name] for name in wanted if name in sections})
    return wrong


def of_the_problem(data: DataParams, task: TaskParams, select: SelectParams = SELECT) -> Iterator[str]:
    """What the problem itself has against these sections."""
    wrong: Callable[..., Iterator[str]] = plugins.fact("problems", task.problem, "wrong")
    hint = _as_class(data, task)
    for line in wrong(task, data, select):
        yield f"{line}{hint if line.startswith('task.positive is') else ''}"


def _as_class(data: DataParams, task: TaskParams) -> str:
    """What to say of a task.positive that is the value of a class, and not its name."""
    classes, positive = data.labels.classes, (task.model_extra or {}).get("positive")
    name = next((name for name, value in classes.items() if str(value) == positive), None)
    if name is None or positive in classes:
        return ""
    if number(name) is not None:
        return f"; data.labels.classes wants the class name first, then the value: {turned(classes)}"
    return f"; {positive!r} is the value of the class {name}: write its name"


def _placed(task: TaskParams, augment: AugmentParams) -> Iterator[str]:
    """Views move a sample, but not what is known of places in it."""
    if augment.views > 1 and plugins.fact("problems", task.problem, "PLACED", False):
        for key, still in plugins.fact("modalities", task.modality, "MOVES", {}).items():
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


def classes_of_rules(data: DataParams, task: TaskParams, gate: GateParams) -> Iterator[str]:
    parts = plugins.fact("problems", task.problem, "PARTS")
    for rule in gate.rules:
        word = parts.get(rule.metric, "class")
        if rule.of is None:
            continue
        if (
            rule.metric in plugins.fact("problems", task.problem, "METRICS")
            and len(data.labels.label_columns) == 1
        ):
            yield f"gate.rules: {rule.metric} of {rule.of!r}: there is one {word} only, so leave `{word}` out"
        else:
            yield from undeclared(data, task, f"gate.rules: {word}", rule.of)


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


def _permutations(data: DataParams, task: TaskParams, monitoring: MonitoringParams) -> Iterator[str]:
    watched = plugins.fact("problems", task.problem, "watched", None)
    if watched is None:
        return  # monitoring refuses the problem
    # One is of the embeddings.
    tests = 1 + watched(task, data) + plugins.fact("modalities", task.modality, "MEASURED")
    rate = monitoring.alarm_rate
    needed = fewest_permutations(tests, rate)
    if monitoring.permutations < needed:
        yield (
            f"monitoring.permutations is {monitoring.permutations}: a window has up to {tests} tests, and at a rate of "
            f"{rate:.4g} none by permutations could ever raise an alarm; allowed: {needed} or more"
        )


# What they ask may follow from any key of section `task`: they are left out where one of these is wrong.
OF_ALL_KEYS: tuple[Check, ...] = (of_the_problem, uncalibrated, classes_of_rules, fair_class)
CHECKS: tuple[Check, ...] = (
    of_the_problem,
    _placed,
    _kind,
    metrics.head_metric,
    metrics.select_metric,
    metrics.gate_metrics,
    metrics.promotion_metrics,
    metrics.best_by,
    uncalibrated,
    _blocks,
    _longest,
    _forgetting,
    _slices,
    classes_of_rules,
    fair_columns,
    fair_bounds,
    fair_class,
    bounds,
    margins,
    _allowances,
    _tasks,
    _domain_column,
    _start,
    _alike,
    _weighed,
    needs.methods,
    needs.head,
    needs.smoothing,
    needs.criterion,
    needs.overfitting,
    needs.pretraining,
    _permutations,
)
