"""The serving contract: classes and their order, input, threshold; what breaks it is refused by name."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from brightness import ABOUT, brightness_network
from onnx import TensorProto, helper

from components.errors import DigestMismatch, StorageError
from components.inference.bundle import open_bundle
from components.stages.score import check_contract, open_unregistered
from components.storage.publish import read_json, sha256_bytes, write_bytes, write_json

FACTS = {**ABOUT, "classes": ["dark", "light"], "positive": "light", "threshold": 0.4, "released": "fp32"}


def _write(folder: Path, model: onnx.ModelProto | None = None, **changes: object) -> Path:
    """A bundle whose ONNX file says of itself what FACTS say; `changes` are of the manifest alone."""
    network = model or onnx.load_from_string(brightness_network(1 / 255, bias=(1, 0)))
    for key in ("task", "input", "classes", "positive", "threshold"):
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
        ({"classes": "left out"}, "classes: Field required"),
        ({"classes": []}, "classes: List should have at least 2 items"),
        ({"classes": ["dark", 3]}, r"classes\.1: Input should be a valid string"),
        ({"classes": ["dark", "dark"]}, "a class is named twice"),
        ({"threshold": float("nan")}, "threshold: Input should be"),
        ({"threshold": float("inf")}, "threshold: Input should be"),
        ({"threshold": 1.5}, "threshold: Input should be less than or equal to 1"),
        ({"threshold": "0.5"}, "threshold: Input should be a valid number"),
        ({"positive": "bright"}, "positive is 'bright', which is no class"),
        ({"released": "int8"}, r"int8 is released, but model\.int8\.onnx is not listed"),
        ({"released": "int4"}, "released: Input should be 'fp32', 'int8' or 'fp16'"),
        ({"input": "left out"}, "input: Field required"),
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
        ({"classes": ["light", "dark"]}, r'its classes is \["dark", "light"\]'),
        ({"positive": "dark"}, 'its positive is "light"'),
        ({"threshold": 0.9}, r"its threshold is 0\.4, the manifest says 0\.9"),
        ({"classes": ["dark", "light", "grey"]}, "gives 2 classes, the manifest names 3"),
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
    with pytest.raises(StorageError, match="it takes float32, the manifest says uint8"):
        open_bundle(_write(tmp_path, model)).runner(["cpu"], 1)


def test_another_contract_than_the_registered_one_is_refused(tmp_path: Path) -> None:
    other = {**FACTS, "classes": ["light", "dark"]}
    reordered = open_bundle(_write(tmp_path / "a", **{key: other[key] for key in ("classes",)}))
    kept = open_bundle(_write(tmp_path / "b"))
    with pytest.raises(DigestMismatch, match="cells version 1 was registered with the contract"):
        check_contract(reordered, kept.contract.sha256, "cells version 1")


def _said(folder: Path, value: str | None) -> Path:
    """A bundle whose ONNX file says `value` of its classes; None: nothing of anything."""
    network = onnx.load_from_string(brightness_network(1 / 255, bias=(1, 0)))
    if value is not None:
        network.metadata_props.add(key="classes", value=value)
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
        StorageError, match="does not say its task, input, classes, positive, threshold"
    ) as found:
        open_unregistered(silent)
    digest = found.value.remedy.rpartition("--digest ")[2]
    bundle, is_digest = open_unregistered(silent, digest)
    assert (bundle.classes, is_digest) == (("dark", "light"), digest)
    manifest = read_json(silent / "manifest.json")
    write_json(silent / "manifest.json", {**manifest, "classes": ["light", "dark"]})
    with pytest.raises(DigestMismatch, match="has the digest"):
        open_unregistered(silent, digest)


def test_one_term_that_is_missing_is_enough_and_a_whole_bundle_needs_no_digest(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not say its task, input, positive, threshold;"):
        open_unregistered(_said(tmp_path / "part", json.dumps(FACTS["classes"])))
    bundle, digest = open_unregistered(_write(tmp_path / "whole"))
    assert bundle.classes == ("dark", "light")
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
    assert open_bundle(folder).classes == ("dark", "light")


@pytest.mark.parametrize(
    "listed", [{"model.onnx": "a digest"}, {"model.onnx": {}}, {"model.onnx": {"sha256": 1}}]
)
def test_files_without_a_digest_are_refused(tmp_path: Path, listed: dict[str, object]) -> None:
    folder = _write(tmp_path)
    write_json(folder / "manifest.json", {**read_json(folder / "manifest.json"), "files": listed})
    with pytest.raises(DigestMismatch, match=r"model\.onnx"):
        open_bundle(folder)
