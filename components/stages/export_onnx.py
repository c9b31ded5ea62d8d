"""export_onnx: the release bundle - one ONNX file a variant, parity, and a manifest of digests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from components.data.ahead import in_order
from components.errors import ExportError
from components.export.onnx_file import finish
from components.export.parity import Parity, measure, predict
from components.export.release import ReleaseNetwork, export_release
from components.export.variants import to_fp16, to_int8
from components.inference.assembly import Assembly
from components.inference.bundle import Runner
from components.inference.contract import FILES, FORMAT
from components.modalities.base import Modality, Sample
from components.params import Params
from components.problems.base import Decision, Decisions
from components.problems.steps import Steps
from components.problems.windows import Window
from components.progress import log, progress
from components.stages.network import NetworkLine, input_spec
from components.stages.table import Context
from components.storage.publish import read_json, sha256_bytes, write_bytes, write_json


@dataclass(frozen=True)
class _Samples:
    """Real samples, decoded again each time that they are gone through: memory stays flat."""

    line: NetworkLine
    ids: Sequence[str]
    description: str

    def cut(self) -> Iterator[Sequence[Window]]:
        """Sample after sample, its rows."""
        payloads, threads = (self.line.dataset.read(i) for i in self.ids), self.line.context.threads
        decoded = in_order(self._windows, payloads, threads, 2 * threads)
        return progress(decoded, self.description, "samples", len(self.ids))

    def __iter__(self) -> Iterator[Sample]:
        """Row after row."""
        return (window.sample for windows in self.cut() for window in windows)

    def _windows(self, payload: bytes) -> Sequence[Window]:
        modality = self.line.modality
        return modality.windows(modality.decode(payload))


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write model.onnx, model.int8.onnx, model.fp16.onnx, parity.json and manifest.json."""
    line = NetworkLine(inputs, params, context)
    selected, modality = read_json(inputs["selected"] / "selected.json"), line.modality
    samples = _parity_samples(line)
    fitted = selected["decision"]
    assert isinstance(fitted, dict)
    decides, (backbone, head) = line.fitted(fitted), line.selected()
    network = ReleaseNetwork(modality.preprocessor(), backbone, head, decides.module()).eval()
    facts = _facts(line, selected, decides) | {"input": _input(modality)}
    # A head that was fitted to features answers at once, whatever the problem's own would do.
    steps = decides.steps if hasattr(head, "step") else None
    if runner := _runner(modality, steps):
        facts["runner"] = runner
    models = _models(network, line, facts, steps)
    parity = _parity(network, models, samples, decides)
    folder = outputs["release"]
    for variant, model in models.items():
        write_bytes(folder / FILES[variant], model)
    write_json(folder / "parity.json", {name: found.as_json() for name, found in parity.items()})
    for name in modality.assets:
        write_bytes(folder / name, (inputs["adapted"] / name).read_bytes())
    _write_manifest(folder, facts, params)
    context.tracker.metrics({f"parity.{name}.max_difference": p.max_difference for name, p in parity.items()})
    context.tracker.metrics({f"size_mb.{name}": len(model) / 1e6 for name, model in models.items()})


def _runner(modality: Modality, steps: Steps | None) -> dict[str, object]:
    """What is done around the graph; nothing where the decision lies wholly in it."""
    found: dict[str, object] = {}
    if modality.windowing is not None:
        found["windows"] = dict(modality.windowing)
    if steps is not None:
        found["steps"] = steps.as_json()
    return found


def _input(modality: Modality) -> dict[str, object]:
    takes = modality.signature
    return {"name": takes.name, "type": takes.dtype, "shape": list(takes.axes)}


def _facts(line: NetworkLine, selected: Mapping[str, object], decides: Decision) -> dict[str, object]:
    """What the bundle says about itself, wherever it is found."""
    dataset, provenance = line.dataset, read_json(line.checkpoint / "provenance.json")
    return {
        "format": FORMAT,
        "task": _task_facts(line.params, line.checkpoint),
        "output": {"name": decides.output, "type": "float32", "shape": _shape(decides)},
        "columns": list(decides.columns),
        "target": dataset.description,
        "decision": dict(decides.fitted),
        "chosen": selected["chosen"],
        "training": selected["training"],
        "graftline": metadata.version("graftline"),
        "lineage": {
            "dataset_sha256": dataset.digest,
            "source": dataset.source,
            "source_revision": dataset.revision,
            "data_licence": dataset.licence,
            "checkpoint": provenance["uri"],
            "checkpoint_sha256": provenance["sha256"],
            "weights_sha256": provenance["weights_sha256"],
            "checkpoint_licence": provenance["licence"],
            "adaptation": provenance.get("adaptation", {"method": "none"}),
        },
    }


def _shape(decides: Decision) -> list[object]:
    """Of the graph's output."""
    return ["batch", len(decides.columns), *decides.axes]


def _task_facts(params: Params, checkpoint: Path) -> dict[str, object]:
    """What decodes the release's samples wherever it is run; what is not said is the default."""
    return {**params.task.model_dump(exclude_none=True), "input_size": input_spec(params, checkpoint).size}


def _models(
    network: ReleaseNetwork, line: NetworkLine, facts: Mapping[str, object], steps: Steps | None
) -> dict[str, bytes]:
    about = {name: json.dumps(value, sort_keys=True) for name, value in facts.items()}
    log("Export: fp32")
    output, wanted = _output_name(facts), line.params.export
    exported = export_release(network, line.modality.signature, output, wanted.opset, steps)
    plain = finish(onnx.load_from_string(exported), about)
    log("Export: int8, calibrated on training samples")
    samples = _Samples(line, line.dataset.ids("train")[: wanted.calibration_samples], "Calibration")
    # Of an answer in steps, the first one.
    beside = {} if steps is None else steps.first(1)
    int8 = to_int8(plain, (sample[None] for sample in samples), about, beside)
    log("Export: fp16")
    return {"fp32": plain, "int8": int8, "fp16": to_fp16(plain, about)}


def _output_name(facts: Mapping[str, object]) -> str:
    """The name of the graph's output."""
    output = facts["output"]
    assert isinstance(output, Mapping)
    return str(output["name"])


def _parity_samples(line: NetworkLine) -> _Samples:
    """Real samples that are not the test's."""
    ids = [i for side in ("validation", "calibration", "train") for i in line.dataset.ids(side)]
    wanted = line.params.export.parity.samples
    if len(ids) < wanted:
        raise ExportError(
            f"export.parity.samples is {wanted}, but off the test side there are {len(ids)} samples.",
            f"Lower it to {len(ids)} or less, or bring more samples.",
        )
    return _Samples(line, ids[:wanted], "Parity: torch")


def _parity(
    network: ReleaseNetwork, models: Mapping[str, bytes], samples: _Samples, decide: Decision
) -> dict[str, Parity]:
    """Each variant against torch."""
    context, batches = samples.line.context, samples.line.params.export.parity.batches
    fast = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def reference(batch: Sample) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(fast(torch.from_numpy(batch)).numpy())

    decisions = _decisions(samples, decide)
    expected = predict(reference, samples, max(batches))
    found = {}
    for name, model in models.items():  # one session at a time: each keeps the memory of its largest batch
        steps = decide.steps if hasattr(network.head, "step") else None
        runner = Runner(model, context.providers, context.threads, steps)
        shown = replace(samples, description=f"Parity: {name}")
        found[name] = measure(
            expected,
            runner.run,
            shown,
            batches,
            lambda a, b: decide.same(decisions(a), decisions(b)),
            decide.scale,
        )
    return found


def _decisions(samples: _Samples, decide: Decision) -> Callable[[npt.NDArray[np.float32]], Decisions]:
    """What decides on `samples` by the answers to their rows."""
    if samples.line.modality.windowing is None:
        return decide
    assembly = Assembly(samples.line.modality, decide)
    places = [
        [window.place for window in windows] for windows in replace(samples, description="Windows").cut()
    ]
    ends = np.cumsum([len(windows) for windows in places])[:-1]

    def decided(rows: npt.NDArray[np.float32]) -> Decisions:
        parts = zip(np.split(rows, ends), places, strict=True)
        return decide(assembly.together([assembly.merged(part, windows) for part, windows in parts]))

    return decided


def _write_manifest(folder: Path, facts: Mapping[str, object], params: Params) -> None:
    files = {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        files[path.name] = {"sha256": sha256_bytes(data), "size": len(data)}
    write_json(
        folder / "manifest.json",
        {
            **facts,
            "released": params.export.release,
            "files": files,
        },
    )
