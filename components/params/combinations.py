"""What no single section of params.yaml can see: each check names the sections that it compares."""

import inspect
from collections.abc import Callable, Iterator, Mapping

from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.data import DataParams
from components.params.domains import DomainsParams
from components.params.learning import SelectParams
from components.params.names import NEEDS, SEES, SHOWS, Need
from components.params.objectives import ObjectivesParams, WeightingParams
from components.params.release import GateParams
from components.params.task import TaskParams
from components.params.tuning import TuneParams

REMEDIES: Mapping[Need, str] = {
    "domains": "a source and a target domain: set domains.source and domains.target",
    "unlabelled": "samples without labels: set domains.target, or data.labels.unlabelled",
    "target_labels": "some labels of the target: set domains.target_labels: used",
    "source_start": "a network that was trained on the source: set tune.start: source",
}


def combinations(sections: Mapping[str, Section]) -> list[str]:
    """What is wrong with sections that are right by themselves, a line each; checks that miss one are left out."""
    wrong: list[str] = []
    for check in CHECKS:
        names = inspect.signature(check).parameters
        if all(name in sections for name in names):
            wrong += check(**{name: sections[name] for name in names})
    return wrong


def _positive(data: DataParams, task: TaskParams) -> Iterator[str]:
    classes = tuple(data.labels.classes)
    if task.positive is not None and classes and task.positive not in classes:
        yield f"task.positive is {task.positive!r}; allowed: {', '.join(classes)}"


def _kind(task: TaskParams, backbone: BackboneParams) -> Iterator[str]:
    if SHOWS[task.name] != SEES[backbone.name]:
        fit = ", ".join(name for name, kind in SEES.items() if kind == SHOWS[task.name])
        yield (
            f"task.name {task.name!r} shows {SHOWS[task.name]}, but backbone.name {backbone.name!r} sees "
            f"{SEES[backbone.name]}; allowed: {fit}"
        )


def _threshold(select: SelectParams, task: TaskParams) -> Iterator[str]:
    if select.threshold.rule != "fixed" and task.positive is None:
        yield f"select.threshold.rule {select.threshold.rule!r} needs task.positive"


def _slices(data: DataParams, gate: GateParams) -> Iterator[str]:
    declared = set(data.labels.slices)
    allowed = ", ".join(sorted(declared)) or "none declared"
    for rule in gate.rules:
        if rule.slice and rule.slice.split("=")[0] not in declared:
            yield f"gate.rules: slice {rule.slice!r} is not in data.labels.slices ({allowed})"


def _domain_column(data: DataParams, domains: DomainsParams) -> Iterator[str]:
    if domains.declared and data.labels.domain is None:
        yield "domains names domains, but no column says which a sample is of; set data.labels.domain"


def _start(domains: DomainsParams, tune: TuneParams) -> Iterator[str]:
    if tune.start == "source" and not domains.declared:
        yield "tune.start 'source' needs a source domain: set domains.source and domains.target"


def _alike(domains: DomainsParams, tune: TuneParams, objectives: ObjectivesParams) -> Iterator[str]:
    if objectives.align != "none" and tune.start == "source" and domains.target_labels == "used":
        yield (
            f"objectives.align {objectives.align!r} compares what is learned from with the target, but tune.start "
            "'source' with domains.target_labels 'used' learns from the target alone: set tune.start: checkpoint, "
            "or domains.target_labels: hidden"
        )


def _needs(
    data: DataParams,
    domains: DomainsParams,
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
    }
    chosen = {
        "tune.method": tune.method,
        "objectives.keep": objectives.keep,
        "objectives.align": objectives.align,
        "objectives.confident": objectives.confident,
        "weighting.method": weighting.method,
    }
    for key, name in chosen.items():
        for need in NEEDS.get(name, ()):
            if not held[need]:
                yield f"{key} {name!r} needs {REMEDIES[need]}"


CHECKS: tuple[Callable[..., Iterator[str]], ...] = (
    _positive,
    _kind,
    _threshold,
    _slices,
    _domain_column,
    _start,
    _alike,
    _needs,
)
