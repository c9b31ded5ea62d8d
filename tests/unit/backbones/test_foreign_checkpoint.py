"""Foreign checkpoints, good and bad, against a network small enough to attack in a second."""

import hashlib
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from components.backbones.base import Backbone, BackboneEntry, initialise
from components.backbones.checkpoint import (
    Provenance,
    convert,
    convert_classifier,
    load,
    read_provenance,
    save,
)
from components.errors import CheckpointError, DigestMismatch, StorageError
from components.params.backbone import ImageSpec


class Pool(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def architecture() -> Backbone:
    return Backbone([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Pool()], 4)


ENTRY = BackboneEntry(
    name="tiny",
    uri="file:tiny.pth",
    sha256="0" * 64,
    file_sha256="0" * 64,
    licence="Apache-2.0",
    parameters=0,
    input=ImageSpec(8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    architecture=architecture,
    raw_name=lambda name: name.replace("units.0", "stem").replace("units.1", "norm"),
    classifier=("fc.weight",),
)
PROVENANCE = Provenance("tiny", "file:tiny.pth", "r1", "tiny.pth", "0" * 64, "Apache-2.0", "test", 0, "")


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    """As published: raw names, with a classifier."""
    backbone = architecture()
    initialise(backbone, 1)
    raw = {ENTRY.raw_name(name): tensor for name, tensor in backbone.state_dict().items()}
    return {**raw, "fc.weight": torch.ones(10, 4)}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def saved(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "raw.pth"
    torch.save(content, path)
    return path


@pytest.mark.parametrize("form", ["pickle", "wrapped", "legacy", "safetensors"])
def test_every_form_gives_the_same_tensors(tmp_path: Path, tensors: dict[str, Tensor], form: str) -> None:
    path = tmp_path / "raw"
    if form == "safetensors":
        save_file(tensors, path)
    elif form == "wrapped":
        inner = {f"module.{name}": tensor for name, tensor in tensors.items()}
        torch.save({"state_dict": inner, "epoch": 3}, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "pickle")
    state = convert(path, ENTRY, digest(path))
    assert set(state) == set(architecture().state_dict())
    assert torch.equal(state["units.0.weight"], tensors["stem.weight"])
    assert torch.equal(state["units.1.running_var"], tensors["norm.running_var"])


def test_the_sources_classifier_is_read_beside_the_backbone(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    path = tmp_path / "raw"
    tensors |= {"fc.weight": torch.arange(40.0).reshape(10, 4), "fc.bias": torch.ones(10)}
    save_file(tensors, path)
    row = replace(ENTRY, file_sha256=digest(path), classifier=("fc.weight", "fc.bias"), source_classes=10)
    weight, bias = convert_classifier(path, row)
    assert torch.equal(weight, tensors["fc.weight"])
    assert torch.equal(bias, tensors["fc.bias"])
    with pytest.raises(CheckpointError, match=r"fc\.weight is float32\[10, 4\], .*\[11, 4\]"):
        convert_classifier(path, replace(row, source_classes=11))


def test_the_digest_is_checked_before_anything_is_parsed(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(DigestMismatch, match="expected 0000"):
        convert(saved(tmp_path, tensors), ENTRY)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("form", ["torch", "bare", "bare, of today"])
def test_a_pickle_with_code_is_refused_and_not_executed(
    tmp_path: Path, tensors: dict[str, Tensor], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "executed"
    # This variable turns torch's own protection off where weights_only is not explicit.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = saved(tmp_path, {**tensors, "x": Evil(marker)})
    if form != "torch":
        path.write_bytes(pickle.dumps({"x": Evil(marker)}, protocol=2 if form == "bare" else 4))
    with pytest.raises(CheckpointError, match="holds code or objects") as caught:
        convert(path, ENTRY, digest(path))
    assert "weights_only" not in str(caught.value), "PyTorch's advice is to allow the code"
    assert not marker.exists()


def test_the_attack_is_real(tmp_path: Path) -> None:
    """Without protection the same file does execute: the test above tests something."""
    marker = tmp_path / "executed"
    torch.load(saved(tmp_path, {"x": Evil(marker)}), weights_only=False)
    assert marker.exists()


def test_a_compressed_bomb_is_refused_before_it_swells(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    path = saved(tmp_path, tensors)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("raw/data/99", "w") as out:
        for _ in range(300):
            out.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(CheckpointError, match="swell"):
        convert(path, ENTRY, digest(path))


def test_a_shape_that_asks_for_terabytes_is_refused_by_its_shape(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    tensors["stem.weight"] = torch.ones(1).expand(2**40)
    path = saved(tmp_path, tensors)
    with pytest.raises(CheckpointError, match=r"stem\.weight is float32\[1099511627776\]"):
        convert(path, ENTRY, digest(path))


class Storage:
    """Stands for 4 GiB of numbers that the file does not hold."""


class Huge:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return torch._utils._rebuild_tensor_v2, (Storage(), 0, (2**30,), (1,), False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> tuple[object, ...] | None:
        return ("storage", torch.FloatStorage, "0", "cpu", 2**30, None) if isinstance(obj, Storage) else None


def test_a_storage_that_asks_for_gigabytes_meets_the_limit_of_its_process(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    with path.open("wb") as file:
        # The format before zip (torch.serialization._legacy_load): magic, protocol, system, object.
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(part, file, protocol=2)
        Pickler(file, protocol=2).dump({"stem.weight": Huge()})
        pickle.dump(["0"], file, protocol=2)
    with pytest.raises(CheckpointError, match="more memory than its architecture explains"):
        convert(path, ENTRY, digest(path))


def test_wrong_tensors_are_named(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    del tensors["norm.bias"]
    tensors["stem.weight"] = torch.zeros(4, 3, 5, 5)
    tensors["norm.weight"] = tensors["norm.weight"].half()
    tensors["stranger"] = torch.zeros(1)
    path = tmp_path / "raw.safetensors"
    save_file(tensors, path)
    with pytest.raises(CheckpointError) as caught:
        convert(path, ENTRY, digest(path))
    for part in (
        "norm.bias is missing",
        "stem.weight is float32[4, 3, 5, 5], the architecture has float32[4, 3, 3, 3]",
        "norm.weight is float16[4]",
        "stranger is not part",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": "x"}])
def test_what_is_no_table_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(CheckpointError, match="table of tensors"):
        convert(path, ENTRY, digest(path))


@pytest.mark.parametrize("form", ["pickle", "safetensors", "noise"])
def test_a_truncated_file_is_refused(tmp_path: Path, tensors: dict[str, Tensor], form: str) -> None:
    path = saved(tmp_path, tensors)
    if form == "safetensors":
        save_file(tensors, path)
    path.write_bytes(b"noise" * 100 if form == "noise" else path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="not one of tiny"):
        convert(path, ENTRY, digest(path))


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    tensors["stem.weight"][0, 0, 0, 0] = float("nan")
    path = tmp_path / "raw.safetensors"
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=r"units\.0\.weight .* NaN"):
        convert(path, ENTRY, digest(path))


def test_saved_and_loaded_again_it_is_the_same_in_evaluation_mode(tmp_path: Path) -> None:
    source, target = architecture(), architecture()
    initialise(source, 2)
    done = save(tmp_path, source.state_dict(), PROVENANCE)
    # conv 4·3·3·3 + 4, norm 4 + 4; running statistics are not trained.
    assert done.parameters == 4 * 3 * 3 * 3 + 4 + 4 + 4
    assert load(tmp_path, target) == done == read_provenance(tmp_path)
    assert not target.training
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])
    assert done.weights_sha256 == digest(tmp_path / "weights.safetensors")


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    state = architecture().state_dict()
    backwards = dict(reversed(state.items()))
    first, second = save(tmp_path / "a", dict(state), PROVENANCE), save(tmp_path / "b", backwards, PROVENANCE)
    assert first == second


def test_a_flipped_bit_is_noticed_on_loading(tmp_path: Path) -> None:
    save(tmp_path, architecture().state_dict(), PROVENANCE)
    path = tmp_path / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        load(tmp_path, architecture())


def test_another_backbone_does_not_take_it(tmp_path: Path) -> None:
    save(tmp_path, architecture().state_dict(), PROVENANCE)
    with pytest.raises(CheckpointError, match=r"units\.0\.weight is float32\[4, 3, 3, 3\]"):
        load(tmp_path, Backbone([nn.Conv2d(3, 4, 5), nn.BatchNorm2d(4), Pool()], 4))


def test_a_provenance_with_other_keys_is_refused(tmp_path: Path) -> None:
    save(tmp_path, architecture().state_dict(), replace(PROVENANCE, name="x"))
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "more": 1}))
    with pytest.raises(CheckpointError, match="not a provenance"):
        read_provenance(tmp_path)
    with pytest.raises(StorageError, match="does not exist"):
        read_provenance(tmp_path / "nowhere")


def test_own_names_are_taken_too(tmp_path: Path) -> None:
    source = architecture()
    save_file(source.state_dict(), tmp_path / "own")
    state = convert(tmp_path / "own", ENTRY, digest(tmp_path / "own"))
    assert set(state) == set(load_file(tmp_path / "own"))
