"""Backbones that see the task's kind of samples, and their features of the training side, as far as they are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from components.backbones.catalogue import entry, skeleton
from components.backbones.checkpoint import CONVERTER, convert_classifier, read_provenance
from components.data.dataset import Dataset
from components.errors import GraftlineError, ParamsError, StorageError
from components.modalities import load_modality
from components.params import Params, plugins
from components.params.backbone import BackboneParams
from components.params.names import FAMILIES
from components.progress import log
from components.sources.base import public
from components.stages.features import kept_ids, open_features
from components.stages.fetch_checkpoint import fetch, origin_of, published
from components.stages.network import NetworkLine, save_tensors
from components.stages.stored import key_of
from components.stages.table import Context
from components.storage.publish import publish_folder, read_json, sha256_bytes
from components.storage.samples import SampleStore

Features = npt.NDArray[np.float32]
CLASSIFIER = "classifier.safetensors"
ALL = "all"


@dataclass(frozen=True)
class Known:
    """A backbone's features of the training samples.

    Attributes:
        name: of the candidate.
        features: (N, width), in the order of the training ids.
        classifier: of the source task, weight (classes, width) and bias (classes,); None where it is not kept.
        parameters: numbers of the backbone that training adapts.
    """

    name: str
    features: Features
    classifier: tuple[Features, Features] | None
    parameters: int


def candidates(params: Params, also: Mapping[str, BackboneParams]) -> dict[str, Params]:
    """Name of each candidate → the parameters with it.

    First the backbone in use, then `also`, then the others of the catalogue that see the same kind of samples: a
    library's families have no weights of their own to compare with. Raises ParamsError for one that sees others.
    """
    used = params.backbone.name
    sees = {name: facts.sees for name, facts in plugins.backbones().items()}
    for name, chosen in also.items():
        if sees[chosen.name] != sees[used]:
            raise ParamsError(f"--also {name}: {chosen.name} sees {sees[chosen.name]}, {used} {sees[used]}.")
    others = (name for name in sees if name not in FAMILIES and name != used and sees[name] == sees[used])
    named = {name: BackboneParams.model_validate({"name": name}) for name in others}
    return {used: params} | {
        name: params.model_copy(update={"backbone": chosen}) for name, chosen in {**also, **named}.items()
    }


def known(name: str, chosen: Params, root: Path, context: Context, dataset: Dataset) -> Known | None:
    """What is there of the candidate, from features/ or the sample store; None where something is missing."""
    folder = _checkpoint(root, chosen, context.cache)
    if folder is None:
        return None
    line = NetworkLine({"adapted": folder}, chosen, context, dataset)
    features, frozen = _features(root, line), line.frozen()
    if features is None:
        return None
    parameters = sum(parameter.numel() for parameter in frozen.backbone.parameters())
    return Known(name, features, _classifier(folder), parameters)


def fill(wanted: Sequence[str], found: Mapping[str, Params], context: Context, dataset: Dataset) -> None:
    """Fetch each checkpoint and compute what the sample store lacks of its features of the training side.

    Raises ParamsError for a name that is no candidate's, for samples that are cut into windows, and for features that
    the sample store has no room for: before any work, of a library's network once its files say how wide it is.
    """
    for name in wanted:
        if name not in (*found, ALL):
            raise ParamsError(f"--fill {name}: allowed are {', '.join(found)} and {ALL}.")
    filled = {name: found[name] for name in (found if ALL in wanted else dict.fromkeys(wanted))}
    for name, chosen in filled.items():
        if load_modality(chosen.task).windowing is not None:
            raise ParamsError(
                f"--fill {name}: {chosen.task.modality} samples are cut into windows, and features of other backbones "
                "are of whole samples only.",
                "Run advise without --fill and --also.",
            )
        if chosen.backbone.name not in FAMILIES:
            _demand_room(name, skeleton(chosen.backbone.name).width, context, dataset)
    for name, chosen in filled.items():
        folder = _kept(context.cache, chosen.backbone)
        if not folder.exists():
            log(f"{name}: fetching its checkpoint")
            with publish_folder(folder) as made:
                fetch(chosen.backbone, made, context.cache)
                _keep_classifier(chosen.backbone, made, context.cache)
        log(f"{name}: features of the training samples")
        line = NetworkLine({"adapted": folder}, chosen, context, dataset)
        _demand_room(name, line.pretrained[0].width, context, dataset)
        line.stored(line.frozen(), _clean(dataset))


def _demand_room(name: str, width: int, context: Context, dataset: Dataset) -> None:
    """ParamsError where the features of the training samples exceed the budget of the sample store."""
    count = len(dataset.ids("train"))
    size = count * width * np.dtype(np.float32).itemsize
    if size > context.budget:
        raise ParamsError(
            f"--fill {name}: the features of {count} training samples take {size / 10**9:.3g} GB, and "
            f"runtime.store_gb is {context.budget / 10**9:g}.",
            "Raise runtime.store_gb.",
        )


def _kept(cache: Path, chosen: BackboneParams) -> Path:
    """Where the checkpoint of a candidate lies, by what its source must be."""
    name = chosen.name.replace("/", "-")
    return cache / "checkpoints" / f"{name}-{CONVERTER}-{origin_of(chosen).sha256[:16]}"


def _checkpoint(root: Path, params: Params, cache: Path) -> Path | None:
    """The backbone's checkpoint: the kept one, which may have a classifier, or else the line's, if it is of it."""
    kept = _kept(cache, params.backbone)
    if kept.exists():
        return kept
    try:
        made = read_provenance(root / "checkpoint")
    except GraftlineError:
        return None
    uri = public(origin_of(params.backbone).uri)
    return root / "checkpoint" if (made.name, made.uri) == (params.backbone.name, uri) else None


def _keep_classifier(chosen: BackboneParams, folder: Path, cache: Path) -> None:
    """classifier.safetensors, where the catalogue says what the classifier looks like."""
    if chosen.uri is None and (row := entry(chosen.name)).source_classes:
        with published(origin_of(chosen), cache) as raw:
            weight, bias = convert_classifier(raw.path, row)
        save_tensors(folder / CLASSIFIER, {"weight": weight, "bias": bias})


def _classifier(folder: Path) -> tuple[Features, Features] | None:
    if not (folder / CLASSIFIER).exists():
        return None
    tensors = load_file(folder / CLASSIFIER)
    return tensors["weight"], tensors["bias"]


def _features(root: Path, line: NetworkLine) -> Features | None:
    """(N, width) of the training ids; nothing is computed."""
    dataset, task = line.dataset, line.modality
    (space,) = line.frozen().spaces(task)
    try:
        described = read_json(root / "features" / "features.json")
        ids = sha256_bytes("\n".join(kept_ids(dataset)).encode())
        if (described.get("space"), described.get("ids_sha256")) == (space.digest, ids):
            sides = np.array(dataset.table.column("split").to_pylist())
            rows = open_features(root / "features")
            return rows[np.flatnonzero(sides == "train")]
    except (OSError, ValueError, StorageError):
        pass  # the store may hold them all the same
    try:
        records = SampleStore(line.context.cache / "store").read(
            space, [key_of(task, *one) for one in _clean(dataset)]
        )
    except StorageError as error:
        log(error.message)
        return None
    if not records.there.all():
        return None
    return np.asarray(records[np.arange(len(records))], dtype=np.float32)


def _clean(dataset: Dataset) -> list[tuple[str, int]]:
    return [(sample, 0) for sample in dataset.ids("train")]
