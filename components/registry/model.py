"""The folder that MLflow keeps as a model: its own descriptions around the release's unchanged bytes."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import RegistryError
from components.storage.markdown import code, text
from components.storage.publish import read_json, sha256_bytes, sha256_file, write_bytes

if TYPE_CHECKING:
    import numpy.typing as npt
    from mlflow.models import Model, ModelSignature

BUNDLE = "release"  # folder of the model in which the bundle lies as it is
REFERENCES = "monitoring"  # folder of the model to which references come after the registration
EXAMPLE_SIZE = 32  # of each axis of a sample that varies
AGAIN = "Run: dvc repro -f export_onnx"
CARD = ("README.md", "card.json")  # the model card, for people and for programs
LONGEST = 5000  # characters of a description, in MLflow's database


@dataclass(frozen=True)
class Card:
    """The model card.

    Attributes:
        readme: README.md: YAML front matter and Markdown. facts: card.json, the same as JSON.
        summary: what stands first in the version's description.
        tags: of the version.
        figures: metric → its name for people, and its estimate with the interval.
    """

    readme: bytes
    facts: bytes
    summary: str
    tags: Mapping[str, str]
    figures: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        for name, data in zip(CARD, (self.readme, self.facts), strict=True):
            write_bytes(folder / name, data)


def released_file(release: Path) -> str:
    """Name of the ONNX file that the bundle's manifest releases. Raises RegistryError without one."""
    manifest = read_json(release / "manifest.json")
    variant, files = manifest.get("released"), manifest.get("files")
    name = "model.onnx" if variant == "fp32" else f"model.{variant}.onnx"
    if not isinstance(files, Mapping) or name not in files or not (release / name).is_file():
        raise RegistryError(f"The bundle releases {variant}, but has no {name}.", AGAIN)
    return name


def folder_digest(folder: Path) -> str:
    """Of every file in the folder of a version but its references, which have digests of their own."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if not name.startswith(f"{REFERENCES}/")}
    lines = [f"{name}\0{sha256_file(path)}\n" for name, path in sorted(kept.items())]
    return sha256_bytes("".join(lines).encode())


@dataclass(frozen=True)
class Tensor:
    """An input or an output of the released graph.

    Attributes:
        axes: sizes; a name where the size varies.
        start: numbers along the axis of a state that varies beside the batch, in the first step.
    """

    name: str
    dtype: str
    axes: tuple[int | str, ...]
    start: tuple[float, ...] = ()

    @classmethod
    def of(cls, said: object) -> "Tensor":
        """As a manifest describes it. RegistryError where it does not."""
        if not isinstance(said, Mapping) or not isinstance(said.get("shape"), list):
            raise RegistryError(
                f"The bundle's manifest describes a tensor as {said}, without a shape.", AGAIN
            )
        axes = tuple(axis if isinstance(axis, int) else str(axis) for axis in said["shape"])
        return cls(str(said["name"]), str(said["type"]), axes, tuple(said.get("start", ())))


def tensors(manifest: Mapping[str, object]) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of the graph, in its order.

    A release that answers in steps is a graph of one step: it takes the state beside the sample, and gives an answer of
    size 1 along its last axis and the next state.
    """
    # A manifest of format 1 names classes, whose probabilities are the columns.
    names = manifest.get("columns", manifest.get("classes"))
    plain = {
        "name": "answers",
        "type": "float32",
        "shape": ["batch", len(names) if isinstance(names, list) else 1],
    }
    described = manifest.get("output")
    answer = Tensor.of({**plain, **described} if isinstance(described, Mapping) else plain)
    sample, runner = Tensor.of(manifest.get("input")), manifest.get("runner")
    steps = runner.get("steps") if isinstance(runner, Mapping) else None
    if not isinstance(steps, Mapping):
        return [sample], [answer]
    state = [Tensor.of(one) for one in steps["state"]]
    first = replace(answer, axes=(*answer.axes[:-1], 1))
    return [sample, *state], [first, *(replace(one, name=f"next.{one.name}", start=()) for one in state)]


def signature(manifest: Mapping[str, object]) -> "ModelSignature":
    """What the graph takes and gives; -1 is an axis that varies."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    inputs, outputs = (
        Schema(
            [
                TensorSpec(
                    np.dtype(one.dtype), tuple(a if isinstance(a, int) else -1 for a in one.axes), one.name
                )
                for one in side
            ]
        )
        for side in tensors(manifest)
    )
    return ModelSignature(inputs=inputs, outputs=outputs)


def example(manifest: Mapping[str, object]) -> "dict[str, npt.NDArray[Any]]":
    """One call of the graph, never a sample of the data. A state that is empty in the first step has a size of 1 and
    holds zeros: JSON, in which MLflow keeps it, has no shape of what is empty."""
    import numpy as np

    (sample, *state), _ = tensors(manifest)
    shape = [axis if isinstance(axis, int) else EXAMPLE_SIZE for axis in sample.axes[1:]]
    made = {sample.name: np.full((1, *shape), 100, np.dtype(sample.dtype))}
    for one in state:
        size = max(len(one.start), 1)
        made[one.name] = np.zeros(
            (1, *(axis if isinstance(axis, int) else size for axis in one.axes[1:])), np.dtype(one.dtype)
        )
        made[one.name][...] = np.array(one.start or 0)
    return made


def write_model(
    folder: Path, release: Path, providers: Sequence[str], model: "Model", report: Path | None = None
) -> None:
    """Write the MLflow model of bundle `release` to `folder`, with the whole bundle and the report beside it.

    MLflow writes ONNX anew, in other bytes: the file that was evaluated is put in its place.
    """
    import mlflow.onnx
    import onnx

    name = released_file(release)
    manifest = read_json(release / "manifest.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(
            onnx.load(release / name),
            folder,
            mlflow_model=model,
            signature=signature(manifest),
            input_example=example(manifest),
            pip_requirements=requirements(),
            onnx_execution_providers=list(providers),
            save_as_external_data=False,
        )
    shutil.copyfile(release / name, folder / "model.onnx")
    shutil.copytree(release, folder / BUNDLE)
    if report is not None and report.is_file():
        shutil.copyfile(report, folder / "report.html")


def requirements() -> list[str]:
    """What serving the model needs, in the installed versions."""
    found = []
    for name in ("mlflow", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu"):
        try:
            found.append(f"{name}=={metadata.version(name).split('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    return found


def description(
    digest: str,
    verdict: Mapping[str, object],
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    card: Card | None = None,
) -> str:
    """Readable markdown for the version's page; the card's summary stands first."""
    figures = {} if card is None else card.figures
    shown = [figures.get(name, (name, f"{value:.3f}")) for name, value in sorted(metrics.items())]
    rows = "\n".join(f"| {text(name)} | {text(value)} |" for name, value in shown)
    chain = "\n".join(
        f"- {key.removeprefix('graftline.')}: {code(value)}" for key, value in sorted(tags.items())
    )
    rules = verdict.get("rules")
    count = len(rules) if isinstance(rules, list) else 0
    whole = (
        f"Verdict **{text(verdict.get('verdict'))}** by {count} rules; release `{digest[:12]}`.\n\n"
        + (f"{card.summary}\n\n" if card and card.summary else "")
        + f"| metric | test |\n|---|---|\n{rows}\n\n### Where it comes from\n{chain}\n\n"
        "Check `release/manifest.json` and open its ONNX with onnxruntime; never load through MLflow.\n"
    )
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
