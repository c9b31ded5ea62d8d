"""What a problem has to say: what a target is, what a network gives for it, what is decided, and how that is judged.

A problem is a package of facets, one file each, because a stage must not run again for what it does not use:

    params.py    its own keys of section `task`
    target.py    annotations → targets, their description, what splits are balanced by (see `labels.py`)
    network.py   head, loss
    decision.py  calibration, from outputs to answers and decisions
    judge.py     metrics, tables, constant controls
    baseline.py  a linear model: what a transferred network must beat

What people see of it, and what runs outside the graph asks, is in `operation.py`.

Arrays have the samples on their first axis. What a row is, the problem alone knows: a class index, numbers, a vector of
labels. Where rows differ in shape, the array's type is `object`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from components.params.learning import SelectParams
from components.problems.steps import Steps
from components.problems.windows import Window

if TYPE_CHECKING:  # reading labels does without the seconds of these imports
    from torch import Tensor, nn

    from components.evaluation.intervals import Metric, Outcome

TRACKED = False  # protocols: a stage depends on the facets themselves

Column = Sequence[Any] | npt.NDArray[Any]  # a value for each sample
# What stands in dataset.json and in a release: JSON that names the targets (classes, unit, range, …). What follows the
# training samples (mean, scale, …) lies below `statistics`: a release's callers do not rely on it.
Description = Mapping[str, Any]
Fitted = Mapping[str, Any]
Targets = npt.NDArray[Any]
Decisions = npt.NDArray[Any]
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# What turns outputs into what `columns` aims at: shares of one whole, shares each by itself, or the outputs themselves.
Link = Literal["softmax", "sigmoid", "identity"]
NONE: Mapping[str, int] = MappingProxyType({})


class Target(Protocol):
    """Targets by their description."""

    def __init__(self, description: Description) -> None: ...

    def targets(self, labels: Sequence[str]) -> Targets:
        """Labels (N), '' where there is none → (N, …)."""
        ...

    def known(self, targets: Targets) -> Mask:
        """(N,) which samples have a label."""
        ...

    def unknown(self, count: int) -> Targets:
        """(count, …) of samples without a label."""
        ...

    def of_windows(self, targets: Targets, windows: Sequence[Window]) -> Targets:
        """The target of one sample (1, …), as each of its windows has it: (len(windows), …).

        One that cannot be told is unknown: training leaves that window out.
        """
        ...

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        """(N,) of labelled samples: those with one code are dealt evenly to folds. All 0 where nothing is declared."""
        ...

    def lacking(self, targets: Targets) -> str:
        """What of these labelled targets is missing so that they could be learned or decided by; '' for nothing."""
        ...


class Network(Protocol):
    """What is trained.

    Attributes:
        outputs: numbers that a head gives for a sample.
        link: what turns them into the expected value of `columns`: heads that are no networks are fitted by it.
    """

    outputs: int
    link: Link

    def __init__(self, task: Any, description: Description) -> None: ...

    def collate(self, targets: Targets) -> npt.NDArray[Any]:
        """(N, …) as numbers in rows of one shape, which `loss` and `scores` take; of rows or windows, not of samples
        that are cut."""
        ...

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> "nn.Module":
        """Features (B, width) → outputs (B, outputs).

        A head with the attribute `takes` takes the tensors that it names (components/backbones/named.py); `channels`
        are those of the maps that the backbone gives.

        One whose attribute `forced` is true also takes `targets`, as `collate` gives them, where it is trained and its
        loss is measured: a decoder then sees earlier tokens as they should be. Without them it gives outputs of the
        same shape by what it decided itself. Where `Decision.steps` says so, its `step` takes the same tensors and the
        state, and gives the outputs of one step and the next state: that is the release's graph.
        """
        ...

    def loss(
        self, outputs: "Tensor", targets: "Tensor", label_smoothing: float = 0.0
    ) -> "tuple[Tensor, Tensor]":
        """(B,) sums and (B,) counts: a sample's loss, and how many terms it is made of (1, tokens, pixels, boxes)."""
        ...

    def columns(self, targets: Targets) -> Array:
        """(N, outputs): what a least-squares fit of the outputs aims at. DataError for a target that cannot be."""
        ...

    def scores(self, outputs: "Tensor", targets: "Tensor") -> "Mapping[str, Tensor]":
        """Name → (B,): what the learning curve shows beside the loss, as means over samples."""
        ...


class Decision(Protocol):
    """From outputs to answers, which the release's graph gives, and from these to decisions.

    Attributes:
        output: the name of the graph's output.
        names: of what is decided: classes, numbers, labels; one for each number of an answer.
        columns: what these numbers are called, in tables.
        axes: sizes of an answer behind its columns: height and width of a mask, or how many boxes are told. () where
            an answer is a row of numbers; else answers are judged some samples at a time, and never all of them kept.
        fitted: what calibration found, as JSON.
        operators: of ONNX that a release's graph may have beyond those that every one may have
            (components/runtime/trust.py): name → of each thing in a sample, the most that it may select; 0 where its
            size is known beforehand.
        steps: how a release answers in steps, whose head has `step`; None: at once.
        scale: by which a difference of answers is divided where parity is judged: a number, or (columns, …).
        ragged: whether merged answers of samples differ in shape: they are kept as an array of objects.
        meaning: what the description says of targets beside `names`, under words for people: problem, unit, range.
            Only models that agree in it, and in the set of `names`, are compared.
    """

    output: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    axes: tuple[int, ...]
    operators: Mapping[str, int]
    steps: Steps | None
    fitted: Fitted
    scale: float | Array
    ragged: bool
    meaning: Mapping[str, Any]

    def __init__(self, task: Any, description: Description, fitted: Fitted | None = None) -> None:
        """Without `fitted`: as a network decides before any calibration. ValueError where they make no sense."""
        ...

    @classmethod
    def fit(
        cls,
        task: Any,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """What validation and calibration samples say; both mappings have the keys `validation` and `calibration`."""
        ...

    @property
    def promises(self) -> Mapping[str, Any]:
        """The part of `fitted` that callers of a release rely on, whatever its weights are."""
        ...

    def module(self) -> "nn.Module":
        """Outputs (B, outputs) → answers (B, columns, *axes); exports to ONNX."""
        ...

    def answers(self, outputs: Array) -> Array:
        """The same in double precision."""
        ...

    def merge(self, answers: npt.NDArray[Any], windows: Sequence[Window]) -> npt.NDArray[Any]:
        """The answer of a sample from those of its windows (len(windows), columns, *axes), at least one; of the same
        type.

        (columns, *axes), or of its own shape where answers are `ragged`. It depends on nothing that was fitted.
        """
        ...

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        """Answers (N, columns, *axes), or merged ones (N,), → (N, …)."""
        ...

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        """Both as a model gives them that has `names`, which are those of this decision in any order.

        It decides nothing: thresholds stay with what they were fitted for.
        """
        ...

    def same(self, one: Decisions, other: Decisions) -> Mask:
        """(N,) whether two decisions are the same: for parity."""
        ...

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        """Column → a value for each sample: the answers by `columns`, and what was decided, for tables.

        Lists of numbers are arrays: their type is known when they are empty.
        """
        ...


class Judge(Protocol):
    """How decisions are judged.

    Attributes:
        metrics: by name.
        headline: what the log says of a release.
        kept: the metric of which a candidate may not lose more than the margin in any case.
    """

    metrics: "Mapping[str, Metric[Any]]"
    headline: Sequence[str]
    kept: str

    def __init__(self, task: Any, description: Description) -> None: ...

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Any:
        """An Outcome, as `metrics` take it. Of answers with axes it keeps rows that metrics add up, and no answer."""
        ...

    def joined(self, outcomes: "Sequence[Outcome]") -> Any:
        """Outcomes of some samples each, at least one, as that of all in this order; asked where answers have axes."""
        ...

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        """Name → the answer (columns,) that a model without a look at its input would always give, all along `axes`."""
        ...

    def columns(self, outcome: Any) -> Mapping[str, Column]:
        """What evaluation keeps of each sample: columns of predictions.parquet."""
        ...

    def facts(self, outcome: Any) -> Mapping[str, object]:
        """What metrics.json says beside the metrics."""
        ...

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Any:
        """The Outcome that `columns` were made of."""
        ...

    def tables(self, outcome: Any) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """File name → header and rows, for plots."""
        ...


class Baseline(Protocol):
    """A linear model on a modality's own features: what a transferred network must beat."""

    def __init__(self, description: Description) -> None: ...

    def fit(self, features: Any, targets: Targets, seed: int) -> Mapping[str, npt.NDArray[Any]]:
        """Features (N, D), dense or of scipy; what `answers` needs."""
        ...

    def answers(self, fitted: Mapping[str, npt.NDArray[Any]], features: Any) -> Array:
        """(N, columns), as a release answers."""
        ...
