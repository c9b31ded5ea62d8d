"""The serving contract: classes and their order, input, threshold; what breaks it is refused by name."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from brightness import ABOUT, brightness_network, modern_about
from onnx import TensorProto, helper

from components.errors import DigestMismatch, StorageError
from components.inference.bundle import open_bundle
from components.stages.score import check_contract, open_unregistered
from components.storage.publish import read_json, sha256_bytes, write_bytes, write_json

FACTS = modern_about(threshold=0.4)
TERMS = ("task", "input", "output", "columns", "target", "decision")
# Of a release that an earlier version made.
OLD = {**ABOUT, "classes": ["dark", "light"], "positive": "light", "threshold": 0.4, "released": "fp32"}


def _target(*names: object) -> dict[str, object]:
    """What a manifest changes that names other classes."""
    described = {"problem": "classification", "classes": list(names)}
    return {"target": described, "columns": [f"p.{name}" for name in names]}


def _decision(**changes: object) -> dict[str, object]:
    decision = FACTS["decision"]
    assert isinstance(decision, dict)
    return {"decision": {**decision, **changes}}


def _write(folder: Path, model: onnx.ModelProto | None = None, **changes: object) -> Path:
    """A bundle whose ONNX file says of itself what FACTS say; `changes` are of the manifest alone."""
    network = model or onnx.load_from_string(brightness_network(1 / 255, bias=(1, 0)))
    for key in TERMS:
        network.metadata_props.add(key=key, value=json.dumps(FACTS[key], sort_keys=True))
    write_bytes(folder / "model.onnx", network.SerializeToString())
    data = (folder / "model.onnx").read_bytes()
    files = {"model.onnx": {"sha256": sha256_bytes(data), "size": len(data)}}
    facts = {key: value for key, value in {**FACTS, "files": files, **changes}.items() if value != "left out"}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder


def test_what_keeps_its_contract_is_opened(tmp_path: Path) -> None:
    bundle = open_bundle(_write(tmp_path))
    assert bundle.runner(["cpu"], 1).provider == "CPUExecutionProvider"
    check_contract(bundle, bundle.contract.sha256, "cells version 1")
    check_contract(bundle, "", "a version from before")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "left out"}, "target: missing"),
        ({"target": {"problem": "classification"}}, "its target or decision lacks 'classes'"),
        ({"columns": []}, r"columns: \[\] holds too little; allowed: 1 or more values"),
        ({**_target("dark", 3), "columns": ["p.dark", 3]}, r"columns, entry 2: 3 is no text"),
        (_target("dark"), "it names fewer than two classes, or one twice"),
        (_target("dark", "dark"), "a column is named twice"),
        ({"columns": ["p.light", "p.dark"]}, "its columns are"),
        (_decision(threshold=float("nan")), "the threshold is nan, not from 0 to 1"),
        (_decision(threshold=float("inf")), "the threshold is inf, not from 0 to 1"),
        (_decision(threshold=1.5), r"the threshold is 1\.5, not from 0 to 1"),
        (_decision(threshold="high"), "the threshold is .high., no number"),
        (_decision(threshold="0.5"), "the threshold is '0.5', no number"),
        (_decision(positive="bright"), "positive is 'bright', which is no class"),
        (
            {"task": {"modality": "sound", "problem": "classification"}},
            "modality: 'sound' is not allowed. Allowed: image or text",
        ),
        (
            {"task": {"modality": "image", "problem": "guessing"}},
            "problem: 'guessing' is not allowed. Allowed: classification, ",
        ),
        ({"released": "int8"}, r"int8 is released, but model\.int8\.onnx is not listed"),
        ({"released": "int4"}, "released: 'int4' is not allowed. Allowed: fp32, int8 or fp16"),
        ({"input": "left out"}, "input: missing"),
    ],
)
def test_a_manifest_that_keeps_no_contract_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(StorageError, match=rf"manifest\.json keeps no contract: .*{said}"):
        open_bundle(_write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (_target("light", "dark"), r'its columns is \["p\.dark", "p\.light"\]'),
        (_decision(positive="dark"), 'its decision is .*"positive": "light"'),
        (_decision(threshold=0.9), r"its decision is .*0\.4.*, the manifest says .*0\.9"),
        (_target("dark", "light", "grey"), "gives 2 columns, the manifest names 3"),
        ({"input": {**FACTS["input"], "type": "float32"}}, "the manifest's input is image float32"),  # type: ignore[dict-item]
        ({"input": {**FACTS["input"], "shape": ["batch", 3, 8, 8]}}, "the manifest's input is image uint8"),  # type: ignore[dict-item]
    ],
)
def test_a_model_that_says_otherwise_than_its_manifest_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    """All digests are right: whoever changed the manifest did not know of the model's own words."""
    with pytest.raises(StorageError, match=rf"model\.onnx is not what its manifest promises: .*{said}"):
        open_bundle(_write(tmp_path, **changes)).runner(["cpu"], 1)


def test_a_graph_that_takes_another_type_is_refused(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", "height", "width", 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    node = helper.make_node("ReduceMean", ["image"], ["probabilities"], axes=[1, 2], keepdims=0)
    graph = helper.make_graph([node], "mean", [image], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    with pytest.raises(StorageError, match="it takes float32 for image, the manifest says uint8"):
        open_bundle(_write(tmp_path, model)).runner(["cpu"], 1)


def test_another_contract_than_the_registered_one_is_refused(tmp_path: Path) -> None:
    reordered = open_bundle(_write(tmp_path / "a", **_target("light", "dark")))
    kept = open_bundle(_write(tmp_path / "b"))
    with pytest.raises(DigestMismatch, match="cells version 1 was registered with the contract"):
        check_contract(reordered, kept.contract.sha256, "cells version 1")


def _said(folder: Path, value: str | None) -> Path:
    """A bundle whose ONNX file says `value` of its target; None: nothing of anything."""
    network = onnx.load_from_string(brightness_network(1 / 255, bias=(1, 0)))
    if value is not None:
        network.metadata_props.add(key="target", value=value)
    write_bytes(folder / "model.onnx", network.SerializeToString())
    data = (folder / "model.onnx").read_bytes()
    files = {"model.onnx": {"sha256": sha256_bytes(data), "size": len(data)}}
    write_json(folder / "manifest.json", {**FACTS, "files": files})
    return folder


@pytest.mark.parametrize("value", ["[not json", "[" * 100_000])
def test_metadata_that_is_no_json_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(StorageError, match=r"is no JSON or is nested too deeply.*ask for a whole one"):
        open_unregistered(_said(tmp_path, value))


def test_a_manifest_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(StorageError, match="is no JSON or is nested too deeply"):
        open_unregistered(folder)


def test_a_model_that_says_nothing_of_its_classes_needs_somebody_who_vouches_for_the_bundle(
    tmp_path: Path,
) -> None:
    silent = _said(tmp_path / "silent", None)
    with pytest.raises(
        StorageError, match="does not say its task, input, output, columns, target, decision"
    ) as found:
        open_unregistered(silent)
    digest = found.value.remedy.rpartition("--digest ")[2]
    bundle, is_digest = open_unregistered(silent, digest)
    assert (bundle.decision.names, is_digest) == (("dark", "light"), digest)
    manifest = read_json(silent / "manifest.json")
    write_json(silent / "manifest.json", {**manifest, "chosen": "head"})
    with pytest.raises(DigestMismatch, match="has the digest"):
        open_unregistered(silent, digest)


def test_one_term_that_is_missing_is_enough_and_a_whole_bundle_needs_no_digest(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not say its task, input, output, columns, decision;"):
        open_unregistered(_said(tmp_path / "part", json.dumps(FACTS["target"])))
    bundle, digest = open_unregistered(_write(tmp_path / "whole"))
    assert bundle.decision.names == ("dark", "light")
    assert open_unregistered(tmp_path / "whole", digest)[1] == digest
    with pytest.raises(DigestMismatch):
        open_unregistered(tmp_path / "whole", "0" * 64)


def _link(folder: Path) -> None:
    outside = folder.parent / "outside.onnx"
    (folder / "model.onnx").rename(outside)
    (folder / "model.onnx").symlink_to(outside)


def _fifo(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")


@pytest.mark.parametrize("change", [_link, _fifo])
def test_links_and_what_is_no_file_are_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = _write(tmp_path / "release")
    change(folder)
    with pytest.raises(StorageError, match=r"model\.onnx is a link, or no file"):
        open_bundle(folder)


def test_a_link_into_dvc_s_cache_is_what_dvc_makes_of_an_output(tmp_path: Path) -> None:
    folder = _write(tmp_path / "release")
    cached = tmp_path / "cache" / "files" / "md5" / "ab" / ("0" * 30)
    cached.parent.mkdir(parents=True)
    (folder / "model.onnx").rename(cached)
    (folder / "model.onnx").symlink_to(cached)
    assert open_bundle(folder).decision.names == ("dark", "light")


@pytest.mark.parametrize(
    "listed", [{"model.onnx": "a digest"}, {"model.onnx": {}}, {"model.onnx": {"sha256": 1}}]
)
def test_files_without_a_digest_are_refused(tmp_path: Path, listed: dict[str, object]) -> None:
    folder = _write(tmp_path)
    write_json(folder / "manifest.json", {**read_json(folder / "manifest.json"), "files": listed})
    with pytest.raises(DigestMismatch, match=r"model\.onnx"):
        open_bundle(folder)


def _old(folder: Path, **changes: object) -> Path:
    """A bundle of format 1."""
    network = onnx.load_from_string(brightness_network(1 / 255, bias=(1, 0)))
    for key in ("task", "input", "classes", "positive", "threshold"):
        network.metadata_props.add(key=key, value=json.dumps(OLD[key], sort_keys=True))
    write_bytes(folder / "model.onnx", network.SerializeToString())
    data = (folder / "model.onnx").read_bytes()
    files = {"model.onnx": {"sha256": sha256_bytes(data), "size": len(data)}}
    (folder / "manifest.json").write_text(json.dumps({**OLD, "files": files, **changes}))
    return folder


def test_a_release_of_an_earlier_version_is_opened_and_keeps_the_contract_that_was_registered(
    tmp_path: Path,
) -> None:
    bundle = open_bundle(_old(tmp_path))
    assert bundle.runner(["cpu"], 1).provider == "CPUExecutionProvider"
    assert bundle.decision.names == ("dark", "light")
    assert bundle.decision.promises == {"positive": "light", "threshold": 0.4}
    terms = {key: OLD[key] for key in ("task", "input", "classes", "positive", "threshold")}
    said = json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()
    assert bundle.contract.sha256 == sha256_bytes(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": ["light", "dark"]}, r'its classes is \["dark", "light"\]'),
        ({"positive": "dark"}, 'its positive is "light"'),
        ({"threshold": 0.9}, r"its threshold is 0\.4, the manifest says 0\.9"),
    ],
)
def test_a_model_of_an_earlier_version_that_says_otherwise_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(StorageError, match=said):
        open_bundle(_old(tmp_path, **changes)).runner(["cpu"], 1)
