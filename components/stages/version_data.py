"""version_data: decode, check, deduplicate and split the samples that `refresh` saw."""

from collections.abc import Mapping
from pathlib import Path

from components.data.build import Samples, build_dataset
from components.data.lock import REFRESH, LockedSource, locate, read_lock
from components.errors import DataError
from components.modalities import load_modality
from components.params import Params
from components.progress import log
from components.sources import open_source
from components.stages.table import Context


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Raises DataError where the data cannot be used, DigestMismatch where the source has changed."""
    path = inputs["data/source.lock"]
    lock = read_lock(path)
    named = (params.data.source, params.data.licence, params.data.layout)
    if (lock.uri, lock.licence, lock.layout) != named:
        raise DataError(f"{path} was written for other parameters ({lock.uri}, {lock.layout}).", REFRESH)
    task = load_modality(params.task)
    source = open_source(locate(lock.uri, path.parent.parent), params.data.sha256, context.cache)
    samples = Samples(params.task, lambda payload: task.inspect(payload, params.data.limits))
    folder = outputs["dataset"]
    built = build_dataset(lock, LockedSource(lock, source), samples, params.data, folder, context.threads)
    read, *warnings = built.notes
    log(f"Read {read}")
    for warning in warnings:
        log(f"Warning: {warning}")
    counts = {"samples": built.samples, "quarantined": built.quarantined, "excluded": built.excluded}
    context.tracker.metrics({f"data/{name}": count for name, count in counts.items()})
    context.tracker.tags({"dataset": built.digest, "data_licence": lock.licence, "data_source": lock.uri})
