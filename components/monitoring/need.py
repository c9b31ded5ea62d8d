"""Whether a retraining could learn anything new, or people must label first."""

from components.data.formats import open_format
from components.data.lock import Lock
from components.params import Params, plugins


def labels_needed(params: Params, trained: Lock | None, now: Lock) -> str | None:
    """Why a retraining because of drift would learn nothing new; None where it may.

    Args:
        trained: what the last training learned from; None where nothing was trained yet.
        now: what is at the source.
    """
    if trained is None or new_labels(params, trained, now):
        return None
    methods = adapting(params)
    if not methods:
        return "there are no new labels at the source, and no method is configured that adapts on unlabelled data"
    if _digests(now) <= _digests(trained):
        return f"there is nothing new at the source, neither labels nor samples for {', '.join(methods)}"
    return None


def new_labels(params: Params, trained: Lock, now: Lock) -> bool:
    """Whether labels may have come: a changed file of labels, or new files in the classes' folders. None is read."""
    format_ = open_format(params.data, params.task.kind)
    return not format_.evidence(now.entries) <= format_.evidence(trained.entries)


def adapting(params: Params) -> list[str]:
    """The configured methods that learn from samples without labels, as `section.key method`."""
    sections = {"objectives": params.objectives, "weighting": params.weighting, "tune": params.tune}
    chosen = [(name, section, *choice) for name, section in sections.items() for choice in section.choices()]
    adapted = [
        f"{name}.{key} {vars(section)[key]}"
        for name, section, key, table in chosen
        if _unlabelled(table, vars(section)[key])
    ]
    method = params.pretrain.method
    return [*adapted, f"pretrain.method {method}"] if _without_labels(method) else adapted


def _unlabelled(table: str, method: str) -> bool:
    needs = plugins.needs(table, method)
    return "target_labels" not in needs and bool({"domains", "unlabelled"} & {*needs})


def _without_labels(pretraining: str) -> bool:
    return pretraining != "none" and "class_outputs" not in plugins.needs("pretrainings", pretraining)


def _digests(lock: Lock) -> set[str]:
    return {entry.sha256 for entry in lock.entries}
