"""What a GPU does with this repository: the proof of its provider, parity, and speed. Start it by benchmarks/gpu.sh.

1. Proof: a session that may not fall back to the CPU loads (`session.disable_cpu_ep_fallback`), and its first provider
   is CUDA's after loading; nodes that CUDA lacks are counted. TensorRT in the same way, where its libraries are there.
2. Parity: the same samples through the CPU's and the GPU's session, judged: the largest difference of a number of an
   answer against a tolerance, and, of a release, changed decisions, of which there may be none.
3. onnxruntime, images a second: through host memory, and with `IOBinding`, inputs and outputs on the GPU.
4. torch, images a second, inference and fine-tuning of all layers: benchmarks/gpu_speed.py, by timm's protocol.

Each part is written as soon as it is measured, and one that breaks is told in the table and stops no other.
"""

import argparse
import contextlib
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch  # before onnxruntime: it brings the CUDA libraries

import onnxruntime as ort  # isort: skip

from benchmarks.gpu_speed import MODELS, Protocol, demo, fine_tuning, inference
from benchmarks.workspace import ROOT, processor
from components.export.onnx_file import export_module
from components.inference.bundle import open_bundle
from components.inference.contract import FILES
from components.problems.base import Decision
from components.runtime.occupancy import load
from components.runtime.placement import on_the_cpu
from components.runtime.sessions import PROVIDERS, open_session, run
from components.storage.publish import write_json

Facts = dict[str, object]
SAMPLES = 64  # of the parity
# How far a probability may be from the CPU's. Not measured: onnxruntime lets CUDA multiply in TF32, whose 10 bits give
# each product a relative error of 5e-4; int8 and fp16 round at other places than on the CPU.
TOLERANCES = {"fp32": 5e-3, "int8": 2e-2, "fp16": 2e-2}
OTHER_PROVIDER, OTHER_ANSWERS = 5, 6  # exit codes


@dataclass(frozen=True)
class Subject:
    """An ONNX file, and samples for it.

    Attributes:
        decides: answers → decisions, and which of two are the same; None where the weights are random, so that all
            answers are near ties.
    """

    name: str
    model: bytes
    samples: np.ndarray
    tolerance: float = TOLERANCES["fp32"]
    decides: Decision | None = None

    @property
    def input(self) -> str:
        return str(open_session(self.model, ["cpu"], 1).get_inputs()[0].name)


def subject(dry: bool) -> Subject:
    """The release in release/ where there is one, else the demo's backbone with random weights."""
    draw, count = np.random.default_rng(0), 4 if dry else SAMPLES
    folder = ROOT / "release"
    if (folder / "manifest.json").exists():
        bundle = open_bundle(folder)
        takes = bundle.modality.signature
        samples = draw.integers(1, takes.values, (count, *takes.typical), dtype=takes.dtype)
        name, model = f"release/ ({bundle.variant})", (folder / FILES[bundle.variant]).read_bytes()
        return Subject(name, model, samples, TOLERANCES[bundle.variant], bundle.decision)
    side = 32 if dry else 224
    network = torch.nn.Sequential(demo(2, tiny=dry), torch.nn.Softmax(1))
    example = (torch.zeros(2, 3, side, side),)
    model = export_module(network.eval(), example, ["image"], ["probabilities"], {"image": {0: "batch"}})
    images = draw.normal(size=(count, 3, side, side)).astype(np.float32)
    name = "the first units of efficientnet_lite0" if dry else "efficientnet_lite0"
    return Subject(f"{name}, random weights", model, images)


def machine(device: str) -> Facts:
    facts: Facts = {
        "cpu": processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": ort.__version__,
        "load_before": load(),
        "gpu": "not run on a GPU",
    }
    if device == "cuda":
        held = torch.cuda.get_device_properties(0)
        facts |= {"gpu": held.name, "gpu_memory_gb": round(held.total_memory / 1e9, 1)}
        facts |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return facts


def proof(asked: Subject, provider: str) -> Facts:
    """Raises what onnxruntime raises where the provider is only listed."""
    nodes = on_the_cpu(asked.model, [provider] if provider == "cpu" else [provider, "cpu"])
    active = open_session(asked.model, [provider, *(["cpu"] if provider != "cpu" else [])], 1)
    facts: Facts = {"active": active.get_providers()[0], "nodes on the CPU": len(nodes), "which": nodes[:20]}
    if provider != "cpu":
        options = ort.SessionOptions()
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            alone = ort.InferenceSession(asked.model, options, providers=[PROVIDERS[provider]])
            facts["without the CPU"] = alone.get_providers()[0]
        except Exception as error:  # onnxruntime's own exceptions share no base but this one
            facts["without the CPU"] = f"refused: {str(error).splitlines()[0]}"
    return facts


def parity(asked: Subject, provider: str) -> Facts:
    feeds = {asked.input: asked.samples}
    ours, theirs = (
        np.asarray(run(open_session(asked.model, [name], 2), feeds)[0], dtype=np.float64)
        for name in ("cpu", provider)
    )
    return compared(ours, theirs, asked.tolerance, asked.decides)


def compared(ours: np.ndarray, theirs: np.ndarray, tolerance: float, decides: Decision | None) -> Facts:
    """The CPU's and the GPU's answers (N, …) side by side; `judgement` is pass, or fail with the reason."""
    if ours.shape != theirs.shape:
        return {"judgement": f"fail: the shapes {ours.shape} and {theirs.shape} differ"}
    difference = float(np.abs(ours - theirs).max())
    facts: Facts = {"samples": len(ours), "largest difference": difference, "tolerance": tolerance}
    wrong = [] if difference <= tolerance else [f"a difference of {difference:.2g}"]  # NaN is wrong, too
    if decides is not None:
        same = decides.same(decides(ours), decides(theirs))
        facts["changed decisions"] = int((~same).sum())
        wrong += [] if same.all() else [f"{facts['changed decisions']} changed decisions"]
    return {**facts, "judgement": f"fail: {', '.join(wrong)}" if wrong else "pass"}


def served(asked: Subject, provider: str, protocol: Protocol) -> Facts:
    """Images a second of onnxruntime."""
    session = open_session(asked.model, [provider], 2)
    batch = np.resize(asked.samples, (protocol.batch, *asked.samples.shape[1:]))
    device = "cpu" if provider == "cpu" else "cuda"
    binding = session.io_binding()
    binding.bind_ortvalue_input(asked.input, ort.OrtValue.ortvalue_from_numpy(batch, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device)
    free = torch.cuda.mem_get_info()[1] - torch.cuda.mem_get_info()[0] if device == "cuda" else None
    return {
        "batch": protocol.batch,
        "through host memory": protocol.speed(lambda: session.run(None, {asked.input: batch})),
        "with IOBinding": protocol.speed(lambda: session.run_with_iobinding(binding)),
        "GPU memory in use (GB)": round(free / 1e9, 2) if free is not None else None,
    }


def parts(device: str, protocol: Protocol, dry: bool) -> Mapping[str, Callable[[], Facts]]:
    """What is measured, in this order."""
    provider = "cuda" if device == "cuda" else "cpu"
    asked = subject(dry)
    found: dict[str, Callable[[], Facts]] = {
        "provider": lambda: {"model": asked.name, **proof(asked, provider)},
        "parity": lambda: parity(asked, provider),
        "onnxruntime": lambda: served(asked, provider, protocol),
    }
    for name in MODELS:
        found[f"inference {name}"] = lambda name=name: inference(name, protocol)
        found[f"fine-tuning {name}"] = lambda name=name: fine_tuning(name, protocol)
    if device == "cuda":
        with contextlib.suppress(ImportError):  # its package loads the libraries, wherever they lie
            import_module("tensorrt")
        found["TensorRT provider"] = lambda: proof(asked, "tensorrt")
        found["TensorRT parity"] = lambda: parity(asked, "tensorrt")
        found["TensorRT"] = lambda: served(asked, "tensorrt", protocol)
    return found


def measure(out: Path, device: str, dry: bool, seconds: float) -> Facts:
    started = time.monotonic()
    protocol = Protocol.dry() if dry else Protocol(device)
    found: Facts = {"machine": machine(device), "protocol": protocol.words, "dry": dry}
    for name, part in parts(device, protocol, dry).items():
        if time.monotonic() - started > seconds:
            found[name] = {"not measured": f"more than {seconds:g} seconds had passed"}
        else:
            try:
                found[name] = part()
            except Exception as error:  # a table with a hole says more than none
                found[name] = {"not measured": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
        found["seconds"] = round(time.monotonic() - started, 1)
        write_json(out / "gpu.json", found)
        (out / "gpu.md").write_text(table(found))
    return found


def table(found: Mapping[str, object]) -> str:
    """The figures in Markdown."""
    lines = [f"Measured by benchmarks/gpu.sh: {found['protocol']}.", "", "| what | figures |", "|---|---|"]
    for name, facts in found.items():
        if isinstance(facts, Mapping):
            told = "; ".join(f"{key}: {value}" for key, value in facts.items() if value not in (None, [], ""))
            lines.append(f"| {name} | {told.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.sh", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu")
    parser.add_argument("--dry", action="store_true", help="all of it on the CPU, with tiny sizes")
    parser.add_argument("--seconds", type=float, default=480)
    options = parser.parse_args()
    if not options.dry and not torch.cuda.is_available():
        parser.exit(
            OTHER_PROVIDER, "torch sees no CUDA device: check `nvidia-smi`, or try it out with --dry.\n"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    found = measure(options.out, "cpu" if options.dry else "cuda", options.dry, options.seconds)
    print(table(found))
    return verdict(found, PROVIDERS["cpu" if options.dry else "cuda"])


def verdict(found: Facts, provider: str) -> int:
    """The exit code: 0 where onnxruntime ran on the provider, gave the CPU's answers, and was timed.

    TensorRT need not be there; where it is, its answers are judged, too.
    """
    facts = {name: part for name, part in found.items() if isinstance(part, Mapping)}
    needed = [facts.get(name, {"not measured": "missing"}) for name in ("provider", "parity", "onnxruntime")]
    if any("not measured" in part for part in needed) or needed[0].get("active") != provider:
        return OTHER_PROVIDER
    judged = [needed[1], facts.get("TensorRT parity", {"not measured": ""})]
    passed = ["not measured" in part or part.get("judgement") == "pass" for part in judged]
    return 0 if all(passed) else OTHER_ANSWERS


if __name__ == "__main__":
    raise SystemExit(main())
