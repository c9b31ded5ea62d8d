"""report: the page about what lies in the workspace. Nothing that is locked depends on it."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import torch

from components.backbones.named import SAMPLES, answered
from components.data.dataset import Dataset
from components.errors import GraftlineError
from components.evaluation.spread import Plan
from components.modalities.base import Modality, Sample
from components.params import Params
from components.problems.operation import Wrong, show
from components.progress import log
from components.reporting.material import Object, gather
from components.reporting.page import Heading, Labels, Mistake, Parts, render
from components.reporting.pictures import overlay, photograph
from components.reporting.saliency import evidence_map
from components.stages.artefacts import check_artefacts
from components.stages.card import refresh_card
from components.stages.evaluate import groups_of
from components.stages.label_report import label_report, write_list
from components.stages.network import NetworkLine
from components.stages.operational import operational
from components.stages.predicted import predicted
from components.stages.table import Context
from components.storage.home import home, reports
from components.storage.publish import read_json, write_bytes

MOST, SIDE, MOST_WORDS, MOST_LABELS = 12, 224, 100, 20


@dataclass(frozen=True)
class Shown:
    """A sample for people: data URIs of a picture and its overlay, or words with their evidence in 0…1."""

    picture: str = ""
    overlay: str = ""
    words: tuple[tuple[str, float], ...] = ()


def report(root: Path, params: Params, context: Context, pictures: bool = True) -> Path:
    """Write `.graftline/reports/report.html` and return its path; what is missing is said on the page.

    The model card is written beside it, where there is a release.

    Args:
        pictures: False leaves grey places where samples would be, for a page that may be passed on.
    """
    check_artefacts(root)
    state = home(root)
    heading = Heading(
        model=params.tracking.model,
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        confidence=params.evaluate.confidence,
        pictures=pictures,
        method=params.tune.method,
    )
    material = gather(root, state, params.task, _operational(root, params, state))
    path = reports(root) / "report.html"
    judged, labels = _judged(root, params, context, pictures), _labels(root, params)
    if (root / "release").exists():
        refresh_card(root, params)
    write_bytes(path, render(material, judged.mistakes, heading, labels, judged.parts).encode())
    return path


def _labels(root: Path, params: Params) -> Labels | None:
    """Labels worth a second look; all of them are listed beside the page."""
    if not (root / "features" / "features.npy").exists() or not (root / "dataset" / "dataset.json").exists():
        return None
    try:
        found = label_report(root, params)
    except GraftlineError as error:
        log(f"Labels were not looked at for the report: {error}")
        return None
    listed = write_list(reports(root), found)
    rows = [(doubt.path, *doubt.cells) for doubt in found.doubts[:MOST_LABELS]]
    count, samples = len({doubt.id for doubt in found.doubts}), (found.samples, found.labelled)
    return Labels(found.columns, rows, len(found.doubts), count, samples, found.method, listed.name)


def _operational(root: Path, params: Params, state: Path) -> Object | None:
    if not (root / "release" / "manifest.json").exists():
        return None
    try:
        return operational(root / "release", params, state)
    except GraftlineError as error:
        log(f"Latency was not measured for the report: {error}")
        return None


@dataclass(frozen=True)
class Judged:
    """What evaluation kept of the release: its mistakes, and what it is like for each part of a target."""

    mistakes: Sequence[Mistake] = ()
    parts: Parts | None = None


def _judged(root: Path, params: Params, context: Context, pictures: bool) -> Judged:
    needed = (
        "evaluation/predictions.parquet",
        "release/manifest.json",
        "dataset/dataset.json",
    )
    if not all((root / name).exists() for name in needed):
        return Judged()
    try:
        line = NetworkLine.of(root, params, context)
        dataset = line.dataset
        shows = show(params.task, dataset.description)
        released = str(read_json(root / "release" / "manifest.json").get("released"))
        kept = predicted(root / "evaluation" / "predictions.parquet", released, line.judge)
        found = {kept.ids[item.row]: item for item in shows.worst(kept.outcome, MOST)}
        network = root / "selected" / "network.safetensors"
        shown = _shown(line, found) if pictures and network.exists() else {}
        mistakes = [_mistake(dataset, i, item, shown.get(i, Shown())) for i, item in found.items()]
        plan = Plan(params.evaluate.confidence, groups_of(dataset, kept.ids))
        parts = {
            name: {metric: interval.as_json() for metric, interval in found.items()}
            for name, found in shows.parts(kept.outcome, plan).items()
        }
        return Judged(mistakes, Parts(shows.parts_of, parts) if parts else None)
    except GraftlineError as error:
        log(f"The report shows no mistakes: {error}")
        return Judged()


def _mistake(dataset: Dataset, sample: str, item: Wrong, shown: Shown) -> Mistake:
    row = dataset.table.filter(pc.equal(dataset.table.column("id"), sample)).to_pylist()[0]
    slices = ", ".join(str(value) for name, value in row.items() if name.startswith("slice."))
    said = Mistake(item.actual, item.predicted, item.confidence, slices, about=item.about)
    return replace(said, picture=shown.picture, overlay=shown.overlay, words=shown.words)


def _shown(line: NetworkLine, found: Mapping[str, Wrong]) -> dict[str, Shown]:
    """Id → the sample as people see it, with what spoke for its decision."""
    modality = line.modality
    samples = [modality.decode(line.dataset.read(sample)) for sample in found]
    if modality.windowing is None:
        evidences = maps(line, samples, [item.output for item in found.values()])
    else:  # an output is of a window, and a sample has several
        evidences = [np.zeros((), dtype=np.float32)] * len(samples)
    return {
        name: _show(modality, sample, evidence)
        for name, sample, evidence in zip(found, samples, evidences, strict=True)
    }


def _show(modality: Modality, sample: Sample, evidence: npt.NDArray[np.float32]) -> Shown:
    """A network without positions behind its cut has a number for evidence, which is of no part of the sample."""
    if words := modality.words(sample):
        weights = evidence.tolist() if evidence.ndim else [0.0] * len(words)
        read = [(word, weight) for word, weight in zip(words, weights, strict=True) if word]
        return Shown(words=tuple(read[:MOST_WORDS]))
    picture = modality.preview(sample, SIDE)
    if picture is None:
        return Shown()
    return Shown(photograph(picture), overlay(evidence) if evidence.ndim else "")


def maps(
    line: NetworkLine, samples: Sequence[Sample], targets: Sequence[int]
) -> list[npt.NDArray[np.float32]]:
    """Evidence for each sample's decision in the selected network, behind its last block, or the one before."""
    torch.set_num_threads(line.context.threads)
    backbone, head = line.selected()
    # Of the last block, only the class's token counts: what the patches say comes in before it.
    cut = backbone.blocks - bool(backbone.marks)
    below, above, (main, *_) = backbone.below(cut), backbone.above(cut), backbone.gives(cut)
    held: dict[str, torch.Tensor] = {}

    def activations(shown: torch.Tensor) -> torch.Tensor:
        held.update(below({SAMPLES: shown}))
        return held[main]

    def outputs(watched: torch.Tensor) -> torch.Tensor:
        return answered(head, above({**held, main: watched}))

    preprocess, made = line.modality.preprocessor(), []
    for sample, target in zip(samples, targets, strict=True):
        shown = preprocess(torch.from_numpy(sample.copy())[None])  # decoded samples are read-only
        found = evidence_map(activations, outputs, shown, torch.tensor([target]))[0]
        made.append((_squared(found[backbone.marks :]) if backbone.marks else found).numpy())
    return made


def _squared(patches: torch.Tensor) -> torch.Tensor:
    """Patches (n²,) of a square image as a map (n, n)."""
    return patches.view(math.isqrt(len(patches)), -1)
