"""advise: what the features at hand say about the task, before anything is trained."""

import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.backbones.catalogue import entry
from components.data.dataset import Dataset
from components.errors import StorageError
from components.evaluation.recommendation import RULES, Candidate, Facts, Gap, recommend
from components.evaluation.transferability import (
    h_score,
    leep,
    log_me,
    log_me_without,
    mmd,
    nearest_classes,
    nearest_numbers,
    proxy_a_distance,
)
from components.params import Params, plugins
from components.params.load import load_backbone
from components.params.names import FAMILIES
from components.problems.base import Mask, Targets
from components.problems.operation import Explore, explore
from components.stages.artefacts import check_artefacts, require
from components.stages.candidates import Features, Known, candidates, fill, known
from components.stages.domains import learned
from components.stages.table import Context

MOST = 4000  # samples that are looked at; more change the figures little and cost the square
FEWEST = 20  # samples that a domain must have
WIDE = 112
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Training:
    """The training side, and nothing of any other.

    Attributes:
        asks: what the problem asks of features.
        targets: (N, …); known: (N,) which samples have a label that may be seen.
        codes: (N,), labelled samples of one code are alike.
        some: which samples the scores look at: labelled, and no more than MOST.
        columns: name of a column → its values (N,): the domain's, or else the slices'.
    """

    asks: Explore
    targets: Targets
    known: Mask
    codes: Indices
    some: Indices
    columns: dict[str, npt.NDArray[np.str_]]

    def counts(self, chosen: Mask) -> Mapping[str, int]:
        """Name (of a class, a label) → how many of the chosen samples have it."""
        return self.asks.counts(self.targets[chosen & self.known])


@dataclass(frozen=True)
class Scores:
    """A row of the table; `h_score` and `leep` are None where they are not defined, `leep` also without the source's
    classifier."""

    candidate: Candidate
    h_score: float | None
    leep: float | None
    neighbours: float


def advise(
    root: Path, params: Params, context: Context, filled: Sequence[str] = (), also: Sequence[str] = ()
) -> Iterator[str]:
    """Lines for people, from known features of the training side alone.

    What `filled` names is computed first, and so is what the files of `also` say under `backbone`.
    Raises StorageError where no backbone's features are known, ParamsError for a name or a file that does not fit.
    """
    own = {name: load_backbone(Path(name), root) for name in also}
    compared = candidates(params, own)
    require(root, ["dataset"], "advise")
    check_artefacts(root)
    dataset = Dataset.open(root / "dataset")
    asks = explore(params.task, dataset.description, "advise")
    fill([*filled, *own], compared, context, dataset)
    training = _training(dataset, params, asks)
    labels, bare = training.counts(training.known), int((~training.known).sum())
    held = [f"{name} {count}" for name, count in Counter(labels).most_common() if name]
    held += [f"{bare} without a label"] if bare else []
    yield f"Training samples: {len(training.targets)}" + (f" ({', '.join(held)})" if held else "")
    yield ""
    found = {name: known(name, chosen, root, context, dataset) for name, chosen in compared.items()}
    there = [one for one in found.values() if one is not None]
    if not there:
        raise StorageError(
            "No backbone's features of these training samples are known.",
            "Run: dvc repro extract_features, or: python -m components advise --fill all",
        )
    scores = [_scores(one, training, alone=len(there) == 1) for one in there]
    yield from _table(scores, [name for name, one in found.items() if one is None])
    yield from _legend(scores, training)
    gaps = list(_gaps(there[0].features, training))
    for gap, squared in gaps:
        yield from _shown(gap, squared, there[0].name)
    facts = Facts(
        sees=plugins.backbones()[params.backbone.name].sees,
        used=params.backbone.name,
        candidates=tuple(one.candidate for one in scores),
        labels=labels,
        counted=asks.counted,
        classes=plugins.offers("problems", params.task.problem, "classes"),
        unlabelled=bare,
        best_by=_best_by(params.task.problem),
        gaps=tuple(gap for gap, _ in gaps),
    )
    yield from _recommended(facts, own)


def _best_by(problem: str) -> str | None:
    metric = plugins.best(problem)
    return metric if metric in plugins.fact("problems", problem, "BEST_BY") else None


def _training(dataset: Dataset, params: Params, asks: Explore) -> Training:
    """Raises DataError where a class has no label that may be seen: nothing could be compared."""
    chosen = learned(dataset, params.domains)
    count = len(dataset.ids("train"))
    targets, known = dataset.target.unknown(count), np.zeros(count, dtype=bool)
    targets[chosen.places], known[chosen.places] = chosen.targets, True
    codes = np.zeros(count, dtype=np.int64)
    codes[chosen.places] = dataset.target.codes(chosen.targets)
    labelled = np.flatnonzero(known)
    if len(labelled) > MOST:
        labelled = np.sort(np.random.default_rng(0).choice(labelled, MOST, replace=False))
    sides = np.array(dataset.table.column("split").to_pylist())
    domains = np.array(dataset.table.column("domain").to_pylist(), dtype=str)[sides == "train"]
    columns = {"domain": domains} if any(domains) else dataset.slices("train")
    return Training(asks, targets, known, codes, labelled, columns)


def _scores(one: Known, training: Training, alone: bool) -> Scores:
    """The jackknife is only for what can be compared."""
    features, targets = one.features[training.some], training.targets[training.some]
    aims, questions = training.asks.aims(targets), training.asks.questions(targets)
    without = () if alone else log_me_without(features, aims, training.codes[training.some])
    theta = _probabilities(features, one.classifier) if one.classifier and questions else None
    return Scores(
        candidate=Candidate(one.name, one.parameters, log_me(features, aims), without),
        h_score=h_score(features, questions) if questions else None,
        leep=None if theta is None else leep(theta, questions),
        neighbours=nearest_classes(features, questions) if questions else nearest_numbers(features, aims),
    )


def _table(scores: Sequence[Scores], absent: Sequence[str]) -> Iterator[str]:
    """A row for each backbone that is known, and the command for the others."""
    wide = max(22, *(len(one.candidate.name) for one in scores))
    yield f"{'backbone':<{wide}} {'parameters':>12} {'LogME':>8} {'H-score':>8} {'LEEP':>8} {'k-NN':>8}"
    for one in scores:
        row, defined = one.candidate, (one.h_score, one.leep)
        h, source = ("-" if value is None else f"{value:.3f}" for value in defined)
        yield f"{row.name:<{wide}} {row.parameters:>12,} {row.log_me:8.3f} {h:>8} {source:>8} {one.neighbours:8.3f}"
    for name in absent:
        yield f"{name:<{wide}} no features of these samples; run: python -m components advise --fill {name}"


def _legend(scores: Sequence[Scores], training: Training) -> Iterator[str]:
    asks, targets = training.asks, training.targets[training.some]
    questions = asks.questions(targets)
    nearest = f"k-NN: {asks.nearest} of the five nearest training samples"
    if not questions:
        yield "LogME: higher is better, between backbones on the same data."
        yield asks.undefined
        yield f"{nearest}; the mean of all is 0."
        return
    shares = [np.unique(asked, return_counts=True)[1] / len(asked) for asked in questions]
    least = np.mean([held @ np.log(held) for held in shares])
    chance = np.mean([1 / len(held) for held in shares])
    yield "LogME, H-score, LEEP: higher is better, between backbones on the same data."
    yield f"LEEP: {least:.3f} where the source's classes say nothing about these, 0 where everything."
    yield f"{nearest}; chance is {chance:.3f}."
    for name in (one.candidate.name for one in scores if one.leep is None):
        yield f"No LEEP of {name}: {_why_no_leep(name)}"


def _why_no_leep(name: str) -> str:
    if name in FAMILIES or name not in plugins.names("backbones"):
        return "what its source's classes were is not known."
    if not entry(name).source_classes:
        return "it was trained without classes."
    return f"its source's classifier is not kept here; run: python -m components advise --fill {name}"


def _probabilities(features: Features, classifier: tuple[Features, Features]) -> Features:
    """(N, source classes): softmax of the source's classifier."""
    logits = features.astype(np.float64) @ classifier[0].T + classifier[1]
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _gaps(features: Features, training: Training) -> Iterator[tuple[Gap, float]]:
    """Distances between the values of each column, and MMD²."""
    for column, values in training.columns.items():
        counts = Counter(values.tolist())
        sides = [name for name, count in sorted(counts.items()) if count >= FEWEST]
        for number, first in enumerate(sides):
            for second in sides[number + 1 :]:
                at = values == first, values == second
                a, b = (features[mask] for mask in at)
                labels = tuple(min(training.counts(mask).values()) for mask in at)
                gap = Gap(
                    column, (first, second), (len(a), len(b)), (labels[0], labels[1]), proxy_a_distance(a, b)
                )
                yield gap, mmd(a, b)


def _shown(gap: Gap, squared: float, name: str) -> Iterator[str]:
    (first, second), (here, there) = gap.sides, gap.samples
    yield ""
    yield f"{gap.column}: {first} ({here}) and {second} ({there}), by features of {name}"
    yield f"  proxy A-distance {gap.a_distance:.2f} (0: alike, 2: told apart without a mistake)"
    yield f"  MMD² {squared:.4f} (0: alike)"


def _recommended(facts: Facts, own: Collection[str]) -> Iterator[str]:
    advice = recommend(facts)
    yield ""
    yield "Recommended to begin with"
    yield (
        f"  backbone: the section in {advice.backbone}"
        if advice.backbone in own
        else (f"  backbone.name: {advice.backbone}")
    )
    yield from (f"  {key}: {value}" for key, value in advice.method.items())
    yield ""
    yield "Why"
    for reason in advice.reasons:
        yield from textwrap.wrap(f"- {reason}", WIDE, subsequent_indent="  ")
    yield ""
    yield "The rule"
    for rule in RULES:
        yield from textwrap.wrap(f"- {rule}", WIDE, subsequent_indent="  ")
