"""The folder that MLflow keeps as a model: its own descriptions around the release's unchanged bytes."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import RegistryError
from components.storage.publish import read_json

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

BUNDLE = "release"  # folder of the model in which the bundle lies as it is
EXAMPLE_SIDE = 32


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


def signature(classes: int) -> "ModelSignature":
    """uint8 images (batch, height, width, 3) → float32 probabilities (batch, classes)."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    image = TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3), "image")
    probabilities = TensorSpec(np.dtype(np.float32), (-1, classes), "probabilities")
    return ModelSignature(inputs=Schema([image]), outputs=Schema([probabilities]))


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
    classes = read_json(release / "manifest.json")["classes"]
    grey = np.full((1, EXAMPLE_SIDE, EXAMPLE_SIDE, 3), 128, np.uint8)  # never a picture of the data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(
            onnx.load(release / name),
            folder,
            mlflow_model=model,
            signature=signature(len(classes) if isinstance(classes, list) else 1),
            input_example={"image": grey},
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
    digest: str, verdict: Mapping[str, object], tags: Mapping[str, str], metrics: Mapping[str, float]
) -> str:
    """Readable markdown for the version's page."""
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items()))
    chain = "\n".join(f"- {key.removeprefix('graftline.')}: `{value}`" for key, value in sorted(tags.items()))
    rules = verdict.get("rules")
    count = len(rules) if isinstance(rules, list) else 0
    return (
        f"Verdict **{verdict.get('verdict')}** by {count} rules; release `{digest[:12]}`.\n\n"
        f"| metric | test |\n|---|---|\n{rows}\n\n### Where it comes from\n{chain}\n\n"
        "Check `release/manifest.json` and open its ONNX with onnxruntime; never load through MLflow.\n"
    )
