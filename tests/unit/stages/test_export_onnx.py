"""export_onnx on real pictures and the catalogue's network with random weights: the bundle speaks for itself."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.data.dataset import Dataset
from components.errors import ExportError
from components.inference.bundle import open_bundle
from components.inference.contract import FILES
from components.modalities import load_modality
from components.modalities.image.decode import SIGNATURE
from components.runtime.trust import check
from components.stages import export_onnx
from components.stages.network import input_spec
from components.storage.publish import sha256_bytes, sha256_tree, write_json

SAMPLES, TEMPERATURE, THRESHOLD = 12, 1.7, 0.42


@dataclass
class Metrics:
    """A tracker that remembers."""

    found: dict[str, float]

    def params(self, values: object) -> None: ...

    def tags(self, values: object) -> None: ...

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        self.found.update(values)


@pytest.fixture(scope="module")
def line(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of its own with a selected network, whose decisions lie on both sides."""
    root = tmp_path_factory.mktemp("export")
    for name in ("dataset", "checkpoint", "adapted"):
        (root / name).symlink_to(workspace.root / name)
    backbone = load_file(root / "checkpoint" / "weights.safetensors")
    width = build("efficientnet_lite0").width
    draw = torch.Generator().manual_seed(3)
    state = {f"backbone.{name}": tensor for name, tensor in backbone.items()}
    state |= {"head.weight": torch.randn(2, width, generator=draw) * 0.1, "head.bias": torch.zeros(2)}
    (root / "selected").mkdir()
    save_file(state, root / "selected" / "network.safetensors")
    write_json(
        root / "selected" / "selected.json",
        {
            "chosen": "tuned",
            "training": {"overfitting": {"accuracy_gap": 0.1}},
            "decision": {"temperature": TEMPERATURE, "threshold": THRESHOLD, "positive": "light"},
        },
    )
    params = workspace.params.model_validate(
        {
            **workspace.params.model_dump(),
            "task": {**workspace.params.task.model_dump(), "positive": "light"},
            "export": {"parity": {"samples": SAMPLES, "batches": [1, 5]}, "calibration_samples": 8},
        }
    )
    return replace(
        workspace, root=root, params=params, context=replace(workspace.context, tracker=Metrics({}))
    )


def _export(line: Workspace, folder: str) -> Path:
    inputs = line.inputs("dataset", "adapted", "selected")
    export_onnx.run(inputs, line.output("release", folder), line.params, line.context)
    return line.root / folder


@pytest.fixture(scope="module")
def release(line: Workspace) -> Path:
    return _export(line, "release")


def _read(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_the_manifest_names_every_file_and_the_whole_lineage(line: Workspace, release: Path) -> None:
    manifest = _read(release / "manifest.json")
    files = manifest["files"]
    assert isinstance(files, dict)
    assert set(files) == {*FILES.values(), "parity.json"}
    assert {path.name for path in release.iterdir()} == {*files, "manifest.json"}
    for name, facts in files.items():
        data = (release / name).read_bytes()
        assert facts == {"sha256": sha256_bytes(data), "size": len(data)}
    dataset, provenance = Dataset.open(line.root / "dataset"), _read(line.root / "checkpoint/provenance.json")
    assert manifest["lineage"] == {
        "dataset_sha256": dataset.digest,
        "source": dataset.source,
        "source_revision": dataset.revision,
        "data_licence": "none",
        "checkpoint": provenance["uri"],
        "checkpoint_sha256": provenance["sha256"],
        "weights_sha256": provenance["weights_sha256"],
        "checkpoint_licence": provenance["licence"],
        "adaptation": {"method": "none"},
    }
    chosen = {key: manifest[key] for key in ("format", "output", "columns", "target", "decision", "released")}
    assert chosen == {
        "format": 2,
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", 2]},
        "columns": ["p.dark", "p.light"],
        "target": {"problem": "classification", "classes": ["dark", "light"]},
        "decision": {"positive": "light", "threshold": THRESHOLD, "temperature": TEMPERATURE},
        "released": "fp32",
    }


def test_every_model_says_itself_what_the_manifest_says(release: Path) -> None:
    manifest = _read(release / "manifest.json")
    for name in FILES.values():
        model = onnx.load(release / name)
        facts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
        assert facts == {key: manifest[key] for key in facts}
        assert {"task", "input", "output", "columns", "target", "decision", "lineage"} <= set(facts)


def test_no_model_holds_a_trace_or_breaks_a_limit_for_foreign_files(line: Workspace, release: Path) -> None:
    for name in FILES.values():
        data = (release / name).read_bytes()
        for trace in (b"site-packages", b"components/", str(Path.cwd()).encode(), b"graftline-"):
            assert trace not in data
        for shape in SIGNATURE.largest:
            check(data, {SIGNATURE.name: shape})


def test_the_release_is_the_selected_network_from_raw_bytes_to_decision(
    line: Workspace, release: Path
) -> None:
    """Rebuilt here by hand: softmax(head(backbone(preprocess(picture))) / temperature), light from 0.42 on."""
    dataset = Dataset.open(line.root / "dataset")
    modality = load_modality(line.params.task, input_spec(line.params, line.root / "adapted"))
    state = load_file(line.root / "selected" / "network.safetensors")
    backbone = build("efficientnet_lite0")
    backbone.load_state_dict({k[9:]: v for k, v in state.items() if k.startswith("backbone.")})
    payloads = [dataset.read(i) for i in dataset.ids("train")[:10]]
    pictures = torch.from_numpy(np.stack([modality.decode(payload) for payload in payloads]))
    with torch.inference_mode():
        features = backbone.eval()(modality.preprocessor()(pictures))
        logits = features @ state["head.weight"].T + state["head.bias"]
        expected = torch.softmax(logits / TEMPERATURE, dim=1).numpy()
    bundle = open_bundle(release)
    rows = bundle.runner(["cpu"], 1).rows(payloads, bundle.assembly.windows, batch=4)
    found = np.stack([answers[0] for answers, _ in rows])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert bundle.decision(found).tolist() == (expected[:, 1] >= THRESHOLD).astype(int).tolist()


def test_parity_is_measured_for_each_variant_and_tracked(line: Workspace, release: Path) -> None:
    parity = _read(release / "parity.json")
    assert set(parity) == set(FILES)
    for facts in parity.values():
        assert isinstance(facts, dict)
        assert facts["samples"] == SAMPLES
        assert set(facts["by_batch"]) == {"1", "5"}
        assert facts["max_difference"] == max(facts["by_batch"].values())
    plain = parity["fp32"]
    assert isinstance(plain, dict)
    assert plain["max_difference"] < 1e-5
    assert plain["changed_decisions"] == 0
    tracker = line.context.tracker
    assert isinstance(tracker, Metrics)
    assert tracker.found["parity.fp32.max_difference"] == plain["max_difference"]
    assert tracker.found["size_mb.int8"] < tracker.found["size_mb.fp16"] < tracker.found["size_mb.fp32"]


def test_the_same_input_gives_the_same_bytes(line: Workspace, release: Path) -> None:
    assert sha256_tree(_export(line, "again")) == sha256_tree(release)


def test_too_few_samples_off_the_test_side_are_an_error(line: Workspace) -> None:
    dataset = Dataset.open(line.root / "dataset")
    off = len(dataset.ids()) - len(dataset.ids("test"))
    parity = {"samples": off + 1, "batches": [1]}
    params = line.params.model_validate({**line.params.model_dump(), "export": {"parity": parity}})
    with pytest.raises(ExportError, match=rf"samples is {off + 1}, but off the test side there are {off}"):
        _export(replace(line, params=params), "refused")


def test_the_manifest_says_how_many_bits_of_16_bit_grey_are_used(line: Workspace) -> None:
    told = line.params.model_copy(update={"task": line.params.task.model_copy(update={"bits": 12})})
    assert export_onnx._task_facts(told, line.root / "adapted")["bits"] == 12
    assert "bits" not in export_onnx._task_facts(line.params, line.root / "adapted")
