"""The table of stages: what each reads and writes, and which sections of params.yaml it may see.

`dvc.yaml` is written from this table (`python -m components graph --write`), and both engines run it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from components.params import Params
    from components.tracker import Tracker

TRACKED = False  # a stage's command, inputs and outputs stand in dvc.yaml itself


@dataclass(frozen=True)
class Context:
    """What a stage may use besides its artefacts: none of it changes a result.

    Attributes:
        cache: root of the caches (sample store, downloads, checkpoints of unfinished trainings).
        threads: cores to use.
        providers: onnxruntime execution providers in order of preference.
        budget: bytes of the sample store that the frozen layers' outputs at one cut may take.
    """

    tracker: "Tracker"
    cache: Path
    threads: int
    providers: Sequence[str]
    budget: int = 100 * 10**9


class Run(Protocol):
    """A stage: reads `inputs`, writes `outputs`; the runner publishes the outputs when it returns."""

    def __call__(
        self,
        inputs: Mapping[str, Path],
        outputs: Mapping[str, Path],
        params: "Params",
        context: Context,
    ) -> None: ...


@dataclass(frozen=True)
class Plugin:
    """A part of whatever plug-in params choose in a room, or in one of its tables."""

    room: str
    key: str
    part: str = ""
    table: str = ""

    @property
    def path(self) -> str:
        """As dvc.yaml interpolates it."""
        chosen = f"components/{self.room}/${{{self.key}}}"
        return f"{chosen}/{self.part}" if self.part else f"{chosen}.py"


@dataclass(frozen=True)
class Stage:
    """One row.

    Attributes:
        name: a verb; the stage's code is `run` in `components/stages/<name>.py`.
        inputs, outputs: artefacts, as paths below the workspace's root.
        params: sections of params.yaml that it sees.
        plugins: rooms with the key of params that chooses there, and which part of the chosen plug-in the stage
            depends on: '' for its one file, else a file or a folder of its package.
        versions: distributions whose version shapes the stage's bytes.
        metrics, plots: files below the outputs that `dvc metrics` and `dvc plots` (with x and y) show: those that every
            problem has. What a problem draws beside them, its part `show` says, and the report draws it.
    """

    name: str
    help: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]
    plugins: tuple[Plugin, ...] = ()
    versions: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[tuple[str, str, str], ...] = ()


# Which metrics there are, and which of them `auto` means.
METRICS = Plugin("problems", "task.problem", "__init__.py")


def modality(*parts: str) -> tuple[Plugin, ...]:
    return tuple(Plugin("modalities", "task.modality", f"{part}.py") for part in ("params", *parts))


def problem(*parts: str) -> tuple[Plugin, ...]:
    """Facets are folders: one may have helpers of its own. What judges depends on the names of metrics, too."""
    facets = (Plugin("problems", "task.problem", part) for part in parts)
    return (
        *((METRICS,) if "judge" in parts else ()),
        Plugin("problems", "task.problem", "params.py"),
        *facets,
    )


# What is trained is scored, too, by the metrics that choose an epoch or a candidate.
TRAINED = problem("target", "network", "decision", "judge")
FORMAT = Plugin("data/formats", "data.layout")
BACKBONE = Plugin("backbones", "backbone.name")
HEAD = Plugin("heads", "head.method")
METHOD = Plugin("methods", "tune.method")
ROLES = tuple(Plugin("methods", f"objectives.{role}", table=role) for role in ("keep", "align", "confident"))
BALANCE = Plugin("methods", "objectives.tasks.balance", table="balances")
THEN = Plugin("methods", "tune.then", table="adaptations")
WEIGHTING = Plugin("methods", "weighting.method", table="weightings")
PRETRAIN = Plugin("methods", "pretrain.method", table="pretrainings")
# Versions that shape whatever a network makes, or is written as.
NETWORK = ("numpy", "onnx", "onnxscript", "pillow", "tokenizers", "torch", "transformers")

STAGES: tuple[Stage, ...] = (
    Stage(
        "version_data",
        "decode, check, deduplicate and split the samples that refresh saw",
        inputs=("data/source.lock",),
        outputs=("dataset",),
        params=("data", "task"),
        plugins=(*modality("decode"), *problem("target"), FORMAT),
        versions=("numpy", "pillow", "pyarrow", "scipy"),
        metrics=("dataset/report.json",),
    ),
    Stage(
        "fetch_checkpoint",
        "fetch the pretrained weights, check them, convert them to safetensors",
        inputs=(),
        outputs=("checkpoint",),
        params=("backbone",),
        plugins=(BACKBONE,),
        versions=("safetensors", "transformers"),
    ),
    Stage(
        "adapt_checkpoint",
        "make a new starting checkpoint from the data at hand, where pretrain asks for one",
        inputs=("dataset", "checkpoint"),
        outputs=("adapted",),
        params=("domains", "task", "augment", "backbone", "features", "pretrain", "seed"),
        plugins=(*modality("decode"), *problem("target", "network"), BACKBONE, PRETRAIN),
        versions=(*NETWORK, "onnxruntime", "safetensors", "scikit-learn"),
    ),
    Stage(
        "extract_features",
        "run the frozen network over every sample that it has not seen yet",
        inputs=("dataset", "adapted"),
        outputs=("features",),
        params=("task", "backbone", "features"),
        plugins=(*modality("decode"), BACKBONE),
        versions=(*NETWORK, "onnxruntime"),
    ),
    Stage(
        "train_head",
        "fit a head on frozen features; validation data choose its one parameter",
        inputs=("dataset", "features"),
        outputs=("head",),
        params=("domains", "head", "task", "weighting", "seed"),
        plugins=(*modality(), *TRAINED, HEAD, WEIGHTING),
        versions=("numpy", "scikit-learn", "scipy", "torch"),
        plots=(("head/curves.csv", "candidate", "score"),),
    ),
    Stage(
        "train_source",
        "train on the source domain alone, where domains are declared: what adaptation must beat",
        inputs=("dataset", "adapted"),
        outputs=("source",),
        params=("domains", "task", "augment", "backbone", "features", "tune", "seed"),
        plugins=(*modality("decode"), *TRAINED, BACKBONE, METHOD),
        versions=(*NETWORK, "onnxruntime"),
    ),
    Stage(
        "fine_tune",
        "train the last blocks from cached activations",
        inputs=("dataset", "adapted", "features", "source"),
        outputs=("tuned",),
        params=(
            "domains",
            "task",
            "augment",
            "backbone",
            "features",
            "tune",
            "objectives",
            "weighting",
            "seed",
        ),
        plugins=(
            *modality("decode"),
            *TRAINED,
            BACKBONE,
            METHOD,
            *ROLES,
            BALANCE,
            THEN,
            WEIGHTING,
        ),
        versions=(*NETWORK, "onnxruntime", "scikit-learn", "scipy"),
        plots=(("tuned/curves.csv", "epoch", "validation_loss"),),
    ),
    Stage(
        "train_controls",
        "train what the result must beat: the majority class, the same network from random weights",
        inputs=("dataset", "checkpoint"),
        outputs=("controls",),
        params=("domains", "task", "augment", "backbone", "controls", "seed"),
        plugins=(
            *modality("decode", "baseline"),
            *problem("target", "network", "decision", "judge", "baseline"),
            BACKBONE,
        ),
        versions=(*NETWORK, "scikit-learn"),
    ),
    Stage(
        "select",
        "choose head or tuned network on validation data; fit temperature and threshold",
        inputs=("dataset", "adapted", "features", "head", "tuned"),
        outputs=("selected",),
        params=("domains", "task", "backbone", "features", "tune", "select"),
        plugins=(*modality("decode"), *TRAINED, BACKBONE, HEAD),
        versions=(*NETWORK, "onnxruntime"),
    ),
    Stage(
        "export_onnx",
        "write the release bundle: ONNX, variants, parity, manifest of digests",
        inputs=("dataset", "adapted", "selected"),
        outputs=("release",),
        params=("task", "backbone", "export", "data"),
        plugins=(*modality("decode"), *problem("target", "network", "decision"), BACKBONE, HEAD),
        versions=(*NETWORK, "graftline", "onnxruntime"),
    ),
    Stage(
        "evaluate",
        "run the release on the raw test samples and measure it",
        inputs=("dataset", "release", "controls", "source"),
        outputs=("evaluation",),
        params=("domains", "task", "evaluate", "seed"),
        plugins=(*modality("decode", "baseline"), *problem("target", "decision", "judge", "baseline")),
        versions=("numpy", "onnxruntime", "pillow", "pyarrow", "scikit-learn", "tokenizers"),
        metrics=("evaluation/metrics.json",),
    ),
    Stage(
        "gate",
        "judge the release by the rules of params.yaml",
        inputs=("release", "evaluation"),
        outputs=("verdict.json",),
        params=("gate", "export"),
        plugins=(METRICS, *problem()),
        metrics=("verdict.json",),
    ),
)


def stage(name: str) -> Stage:
    """The row of that name."""
    return next(row for row in STAGES if row.name == name)
