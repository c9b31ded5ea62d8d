"""A network that a library publishes goes down the whole line, from the user's folder to the measured release."""

import csv
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from classified import classes
from published import SIZE, publish
from safetensors.torch import load_file, save_file
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.backbones.checkpoint import load, read_provenance
from components.data.dataset import Dataset
from components.errors import CheckpointError, DigestMismatch, ParamsError
from components.params import Params
from components.params.backbone import BackboneParams
from components.params.names import BACKBONES as FACTS
from components.sources import open_source
from components.stages.advise import advise
from components.stages.candidates import candidates
from components.stages.fetch_checkpoint import fetch
from components.stages.network import NetworkLine, input_spec, open_modality
from components.stages.refresh import refresh
from components.stages.report import maps
from components.stages.stored import stored
from components.stages.table import stage
from components.storage.publish import sha256_file, write_json
from components.training.scoring import to_device

LONG = pytest.mark.faults  # `make faults`: what takes minutes
FILES = ("model.safetensors", "config.json", "preprocessor_config.json")
LINE = (
    "fetch_checkpoint",
    "adapt_checkpoint",
    "extract_features",
    "train_head",
    "train_source",
    "fine_tune",
    "train_controls",
    "select",
    "export_onnx",
    "evaluate",
)


def backbone(name: str, folder: Path, files: tuple[str, ...] = FILES) -> dict[str, str]:
    """The section of params.yaml for a network in `folder`."""
    sha256 = open_source(f"file:{folder}", None, folder, files).revision
    return {"name": name, "uri": f"file:{folder}", "sha256": sha256, "licence": "MIT"}


def with_sections(line: Workspace, **sections: Mapping[str, object]) -> Workspace:
    values = line.params.model_dump(mode="json", exclude_unset=True)
    return replace(line, params=Params.model_validate({**values, **sections}))


def run(line: Workspace, *names: str) -> None:
    """Stages as the runner runs them: into empty folders."""
    for name in names:
        row = stage(name)
        outputs = {out: line.root / out for out in row.outputs}
        for folder in outputs.values():
            folder.mkdir()
        inputs = {name: line.root / name for name in row.inputs}
        import_module(f"components.stages.{name}").run(inputs, outputs, line.params, line.context)


def read(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(path.read_text())
    return found


@pytest.fixture
def pictures(workspace: Workspace, tmp_path: Path) -> Workspace:
    """The shared pictures in a workspace of its own."""
    (tmp_path / "dataset").symlink_to(workspace.root / "dataset")
    return replace(workspace, root=tmp_path, context=replace(workspace.context, cache=tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", ["resnet", *(pytest.param(n, marks=LONG) for n in ("bert", "convnext", "vit"))]
)
def test_it_goes_down_the_whole_line(family: str, pictures: Workspace, tmp_path: Path) -> None:
    name = f"transformers/{family}"
    publish(name, tmp_path / "theirs")
    line = pictures if FACTS[name].sees == "images" else texts(pictures, tmp_path)
    files = FILES if FACTS[name].sees == "images" else (*FILES[:2], "tokenizer.json")
    line = with_sections(line, backbone=backbone(name, tmp_path / "theirs", files))
    run(line, *LINE)
    provenance = read_provenance(line.root / "adapted")
    assert (provenance.name, provenance.licence, provenance.file) == (name, "MIT", "model.safetensors")
    assert provenance.sha256 == sha256_file(tmp_path / "theirs" / "model.safetensors")
    parity = read(line.root / "release" / "parity.json")
    assert parity["fp32"]["max_difference"] < 1e-4
    assert parity["fp32"]["changed_decisions"] == 0
    assert np.isfinite(np.load(line.root / "features" / "features.npy")).all()
    said = "\n".join(advise(line.root, line.params, line.context))
    assert f"No LEEP of {name}: what its source's classes were is not known." in said


@pytest.mark.slow
@pytest.mark.faults
def test_a_whole_text_network_learns_from_its_tokens(pictures: Workspace, tmp_path: Path) -> None:
    """All three layers, beforehand and for the task: nothing lies below the cut, so words are what is stored."""
    publish("transformers/bert", tmp_path / "theirs")
    files = (*FILES[:2], "tokenizer.json")
    line = with_sections(
        texts(pictures, tmp_path),
        backbone=backbone("transformers/bert", tmp_path / "theirs", files),
        tune={"blocks": 3, "epochs": 2, "batch": 8},
        pretrain={"method": "clusters", "blocks": 3, "epochs": 1, "batch": 8, "clusters": 3},
    )
    run(line, "fetch_checkpoint", "adapt_checkpoint", "extract_features", "train_source", "fine_tune")
    assert read(line.root / "tuned" / "tuned.json")["cut"] == 0
    start, tuned = (
        load_file(path)
        for path in (line.root / "adapted" / "weights.safetensors", line.root / "tuned" / "tuned.safetensors")
    )
    words = "units.0.word.weight"
    assert not torch.equal(start[words], tuned[words.replace("units", "above")])
    dataset = Dataset.open(line.root / "dataset")
    modality = open_modality(line.params, line.root / "adapted")
    frozen = NetworkLine.of(line.root, line.params, line.context).frozen(0)
    assert [space.field.dtype for space in frozen.spaces(modality)] == ["int64"]
    (sample, *_) = dataset.ids("validation")
    held = stored(dataset, [(sample, 0)], frozen, modality, line.context, 8)[np.arange(1)]
    np.testing.assert_array_equal(held[0], modality.compact(modality.decode(dataset.read(sample))))
    assert to_device(torch.from_numpy(held), torch.device("cpu")).dtype == torch.int64


def texts(pictures: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of short texts, which say what class they are of."""
    (tmp_path / "texts").mkdir()
    draw = np.random.default_rng(0)
    with (tmp_path / "texts" / "mails.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "kind"])
        for number in range(90):
            words = [
                *draw.choice(["mail", "mails", ("good", "bad")[number % 2]], 6),
                *draw.integers(1000, size=9),
            ]
            writer.writerow([" ".join(map(str, words)), ("ham", "spam")[number % 2]])
    data = {
        "source": f"file:{tmp_path / 'texts'}",
        "licence": "none",
        "layout": "manifest",
        "labels": {"file": "mails.csv", "text": "body", "label": "kind"},
        "split": {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2},
        "limits": {"min_per_class": 1},
    }
    task = {"modality": "text", "input_size": 32}
    line = with_sections(pictures, data=data, task=task, backbone={"name": "minilm_l6"})
    (tmp_path / "dataset").unlink()
    refresh(line.params, tmp_path, line.context.cache)
    run(line, "version_data")
    return line


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    publish("transformers/vit", tmp_path / "theirs")
    return tmp_path / "theirs"


def fetched(chosen: Mapping[str, str], tmp_path: Path) -> Path:
    out = tmp_path / "checkpoint"
    out.mkdir()
    fetch(BackboneParams.model_validate(chosen), out, tmp_path / "cache")
    return out


def test_weights_come_with_what_describes_them_and_the_digest_leaves_other_files_alone(
    theirs: Path, tmp_path: Path
) -> None:
    chosen = backbone("transformers/vit", theirs)
    (theirs / "README.md").write_text("Changed since.")
    out = fetched(chosen, tmp_path)
    assert sorted(path.name for path in out.iterdir()) == [
        "config.json",
        "preprocessor_config.json",
        "provenance.json",
        "weights.safetensors",
    ]
    made = read_provenance(out)
    assert made.revision == chosen["sha256"]
    # Class's token and positions are learned, too: 24 + 17 · 24, patches 24 · 192 + 24, three layers, norm 2 · 24.
    layer = 4 * (24 * 24 + 24) + 2 * 24 * 32 + 24 + 32 + 4 * 24
    assert made.parameters == 24 + 17 * 24 + 24 * 192 + 24 + 3 * layer + 2 * 24


@pytest.mark.parametrize("file", FILES)
def test_any_other_byte_is_refused(file: str, theirs: Path, tmp_path: Path) -> None:
    chosen = backbone("transformers/vit", theirs)
    with (theirs / file).open("a") as changed:
        changed.write(" ")
    with pytest.raises(DigestMismatch):
        fetched(chosen, tmp_path)


def test_an_archive_is_known_by_its_own_digest(theirs: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        for path in theirs.iterdir():
            archive.write(path, path.name)
    chosen = {"uri": f"file:{tmp_path / 'theirs.zip'}", "sha256": sha256_file(tmp_path / "theirs.zip")}
    out = fetched({"name": "transformers/vit", "licence": "MIT", **chosen}, tmp_path)
    made = read_provenance(out)
    assert (made.revision, made.sha256) == (chosen["sha256"], sha256_file(theirs / "model.safetensors"))


def test_a_folder_without_a_description_is_refused(theirs: Path, tmp_path: Path) -> None:
    (theirs / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"holds no config\.json. Let backbone\.uri name a folder"):
        fetched(backbone("transformers/vit", theirs), tmp_path)


def test_it_is_a_candidate_where_it_is_chosen(pictures: Workspace, theirs: Path) -> None:
    assert not any("/" in name for name in candidates(pictures.params, {}))
    chosen = with_sections(pictures, backbone=backbone("transformers/vit", theirs))
    found = list(candidates(chosen.params, {}))
    assert found[0] == "transformers/vit"
    assert "mobilenet_v2" in found
    assert not any("/" in name for name in found[1:])


def also(pictures: Workspace, path: Path) -> list[str]:
    return list(advise(pictures.root, pictures.params, pictures.context, also=[str(path)]))


def test_advise_compares_what_a_file_says_under_backbone(
    pictures: Workspace, theirs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "vit.yaml"
    path.write_text(yaml.safe_dump({"seed": 0, "backbone": backbone("transformers/vit", theirs)}))
    said = also(pictures, path)
    (row,) = (line.split() for line in said if line.startswith(f"{path} "))
    assert (
        int(row[1].replace(",", "")) == read_provenance(next((tmp_path / "cache").glob("*/*vit*"))).parameters
    )
    assert 0 < float(row[-1]) <= 1, "balanced accuracy of its neighbours"
    assert f"  backbone: the section in {path}" in said, "nothing else has features here"
    assert f"No LEEP of {path}: what its source's classes were is not known." in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is no file"),
        ("name: transformers/vit", "has no section `backbone`"),
        ("backbone: {name: transformers/wit}", r"did you mean 'transformers/vit'\?"),
        ("backbone: {name: transformers/vit}", "write backbone.uri, backbone.sha256, backbone.licence, too"),
        ("backbone: {name: minilm_l6}", "minilm_l6 sees texts, efficientnet_lite0 images"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_any_work(
    text: str | None, said: str, pictures: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ParamsError, match=said):
        also(pictures, path)
    assert not (tmp_path / "cache").exists()


def test_what_another_description_computes_is_not_taken_from_the_store(
    pictures: Workspace, theirs: Path
) -> None:
    line = with_sections(pictures, backbone=backbone("transformers/vit", theirs))
    run(line, "fetch_checkpoint", "adapt_checkpoint")
    modality = open_modality(line.params, line.root / "adapted")
    (before,) = NetworkLine.of(line.root, line.params, line.context).frozen().spaces(modality)
    config = line.root / "adapted" / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    (after,) = NetworkLine.of(line.root, line.params, line.context).frozen().spaces(modality)
    assert after.digest != before.digest


def test_more_tokens_than_positions_are_refused(pictures: Workspace, tmp_path: Path) -> None:
    publish("transformers/bert", tmp_path)
    named = {**backbone("transformers/bert", tmp_path, (*FILES[:2], "tokenizer.json"))}
    line = with_sections(pictures, task={"modality": "text", "input_size": 64}, backbone=named)
    with pytest.raises(
        ParamsError, match=r"task\.input_size is 64; transformers/bert takes at most 48 tokens"
    ):
        input_spec(line.params, tmp_path)


def test_the_report_shows_where_a_vits_decision_comes_from(pictures: Workspace, theirs: Path) -> None:
    line = with_sections(pictures, backbone=backbone("transformers/vit", theirs))
    run(line, "fetch_checkpoint", "adapt_checkpoint")
    state = build("transformers/vit", checkpoint=line.root / "adapted")
    load(line.root / "adapted", state)
    (line.root / "selected").mkdir()
    draws = torch.Generator().manual_seed(0)
    tensors = {f"backbone.{name}": tensor for name, tensor in state.state_dict().items()}
    tensors |= {"head.weight": torch.randn(2, 24, generator=draws), "head.bias": torch.zeros(2)}
    save_file(tensors, line.root / "selected" / "network.safetensors")
    write_json(line.root / "selected" / "selected.json", {"head": None})
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    opened = NetworkLine.of(line.root, line.params, line.context)
    opened.problem = classes(2)
    (found,) = maps(opened, [picture], [1])
    assert found.shape == (SIZE // 8, SIZE // 8)
    assert found.max() > 0, "patches count, not the class's token alone"
