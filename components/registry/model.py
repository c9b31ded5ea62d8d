"""The folder that MLflow keeps as a model: its own descriptions around the release's unchanged bytes."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import RegistryError
from components.storage.markdown import code, text
from components.storage.publish import read_json, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

BUNDLE = "release"  # folder of the model in which the bundle lies as it is
REFERENCES = "monitoring"  # folder of the model to which references come after the registration
EXAMPLE_SIZE = 32  # of each axis that varies
LONGEST = 5000  # characters of a description, in MLflow's database


@dataclass(frozen=True)
class Card:
    """The model card.

    Attributes:
        readme: README.md: YAML front matter and Markdown. facts: card.json, the same as JSON.
        summary: what stands first in the version's description.
        tags: of the version.
    """

    readme: bytes
    facts: bytes
    summary: str
    tags: Mapping[str, str]

    def write(self, folder: Path) -> None:
        (folder / "README.md").write_bytes(self.readme)
        (folder / "card.json").write_bytes(self.facts)


def released_file(release: Path) -> str:
    """Name of the ONNX file that the bundle's manifest releases. Raises RegistryError without one."""
    manifest = read_json(release / "manifest.json")
    variant, files = manifest.get("released"), manifest.get("files")
    name = "model.onnx" if variant == "fp32" else f"model.{variant}.onnx"
    if not isinstance(files, Mapping) or name not in files or not (release / name).is_file():
        raise RegistryError(
            f"The bundle releases {variant}, but has no {name}.", "Run: dvc repro -f export_onnx"
        )
    return name


def folder_digest(folder: Path) -> str:
    """Of every file in the folder of a version but its references, which have digests of their own."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if not name.startswith(f"{REFERENCES}/")}
    lines = [f"{name}\0{sha256_file(path)}\n" for name, path in sorted(kept.items())]
    return sha256_bytes("".join(lines).encode())


def signature(takes: Mapping[str, object], output: str, columns: int) -> "ModelSignature":
    """What the manifest's `input` says → float32 answers (batch, columns)."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shape = tuple(axis if isinstance(axis, int) else -1 for axis in _axes(takes))
    samples = TensorSpec(np.dtype(str(takes["type"])), shape, str(takes["name"]))
    answers = TensorSpec(np.dtype(np.float32), (-1, columns), output)
    return ModelSignature(inputs=Schema([samples]), outputs=Schema([answers]))


def write_model(
    folder: Path, release: Path, providers: Sequence[str], model: "Model", report: Path | None = None
) -> None:
    """Write the MLflow model of bundle `release` to `folder`, with the whole bundle and the report beside it.

    MLflow writes ONNX anew, in other bytes: the file that was evaluated is put in its place.
    """
    import mlflow.onnx
    import numpy as np
    import onnx

    name = released_file(release)
    manifest = read_json(release / "manifest.json")
    # A manifest of format 1 names classes, whose probabilities are the columns.
    takes, columns, output = (
        manifest["input"],
        manifest.get("columns", manifest.get("classes")),
        manifest["output"],
    )
    if not isinstance(takes, Mapping):
        raise RegistryError("The bundle's manifest describes no input.", "Run: dvc repro -f export_onnx")
    shape = [axis if isinstance(axis, int) else EXAMPLE_SIZE for axis in _axes(takes)[1:]]
    plain = np.full((1, *shape), 100, np.dtype(str(takes["type"])))  # never a sample of the data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(
            onnx.load(release / name),
            folder,
            mlflow_model=model,
            signature=signature(takes, _name(output), len(columns) if isinstance(columns, list) else 1),
            input_example={str(takes["name"]): plain},
            pip_requirements=requirements(),
            onnx_execution_providers=list(providers),
            save_as_external_data=False,
        )
    shutil.copyfile(release / name, folder / "model.onnx")
    shutil.copytree(release, folder / BUNDLE)
    if report is not None and report.is_file():
        shutil.copyfile(report, folder / "report.html")


def _name(described: object) -> str:
    return str(described["name"]) if isinstance(described, Mapping) else "answers"


def _axes(takes: Mapping[str, object]) -> list[object]:
    axes = takes.get("shape")
    return axes if isinstance(axes, list) else []


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
    summary: str = "",
) -> str:
    """Readable markdown for the version's page; `summary` is the card's, and stands first."""
    rows = "\n".join(f"| {text(name)} | {value:.4f} |" for name, value in sorted(metrics.items()))
    chain = "\n".join(
        f"- {key.removeprefix('graftline.')}: {code(value)}" for key, value in sorted(tags.items())
    )
    rules = verdict.get("rules")
    count = len(rules) if isinstance(rules, list) else 0
    whole = (
        f"Verdict **{text(verdict.get('verdict'))}** by {count} rules; release `{digest[:12]}`.\n\n"
        + (f"{summary}\n\n" if summary else "")
        + f"| metric | test |\n|---|---|\n{rows}\n\n### Where it comes from\n{chain}\n\n"
        "Check `release/manifest.json` and open its ONNX with onnxruntime; never load through MLflow.\n"
    )
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
