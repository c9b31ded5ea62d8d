"""Whether a retraining could learn anything new, or people must label first."""

from components.data.formats import open_format
from components.data.lock import Lock
from components.params import Params, names


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
    chosen = {
        "objectives.align": params.objectives.align,
        "objectives.confident": params.objectives.confident,
        "weighting.method": params.weighting.method,
        "tune.then": params.tune.then,
    }
    adapted = [f"{key} {method}" for key, method in chosen.items() if _unlabelled(method)]
    method = params.pretrain.method
    return [*adapted, f"pretrain.method {method}"] if _without_labels(method) else adapted


def _unlabelled(method: str) -> bool:
    needs = names.needs(method)
    return "target_labels" not in needs and bool({"domains", "unlabelled"} & {*needs})


def _without_labels(pretraining: str) -> bool:
    return pretraining != "none" and "class_outputs" not in names.needs(pretraining)


def _digests(lock: Lock) -> set[str]:
    return {entry.sha256 for entry in lock.entries}
