"""advise reads known features of the training side alone; --fill makes them known, once."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file
from training_workspace import Workspace

from components.backbones import mobilenet_v2
from components.backbones.base import BackboneEntry
from components.backbones.catalogue import build, entry
from components.data.dataset import Dataset, table_digest
from components.errors import ParamsError, StorageError
from components.modalities.image.decode import Modality
from components.stages.advise import advise
from components.stages.features import kept_ids, places
from components.stages.network import NetworkLine
from components.storage.publish import sha256_bytes


def write_features(workspace: Workspace, distance: float, data: str = "") -> None:
    """Two blobs as far apart as asked for, by class; of the workspace's data, or of others."""
    dataset = Dataset.open(workspace.root / "dataset")
    features = np.random.default_rng(0).normal(size=(len(dataset), 6)).astype(np.float32)
    features[:, 0] += distance * dataset.targets()
    folder, checkpoint = workspace.root / "features", workspace.root / "checkpoint"
    folder.mkdir(exist_ok=True)
    place = places(dataset)
    np.save(folder / "features.npy", features[place >= 0])
    np.save(folder / "places.npy", place)
    line = NetworkLine({"adapted": checkpoint}, workspace.params, workspace.context)
    (space,) = line.frozen().spaces(line.modality)
    ids = data or sha256_bytes("\n".join(kept_ids(dataset)).encode())
    (folder / "features.json").write_text(json.dumps({"ids_sha256": ids, "space": space.digest}))


def lines(workspace: Workspace, *filled: str) -> list[str]:
    return list(advise(workspace.root, workspace.params, workspace.context, filled))


def row(workspace: Workspace, name: str, *filled: str) -> list[str]:
    (found,) = (line for line in lines(workspace, *filled) if line.startswith(name))
    return found.split()[1:]


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackboneEntry:
    """MobileNetV2 as somebody publishes it, with its classifier, in a local file."""
    own = entry("mobilenet_v2")
    path = tmp_path / "mobilenet" / "weights.safetensors"
    path.parent.mkdir()
    state = {own.raw_name(name): tensor for name, tensor in build(own.name, seed=2).state_dict().items()}
    weight = torch.randn(1000, 1280, generator=torch.Generator().manual_seed(0))
    save_file({**state, own.classifier[0]: weight, own.classifier[1]: torch.zeros(1000)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    local = replace(own, uri=f"file:{path}", sha256=digest, file_sha256=digest)
    monkeypatch.setattr(mobilenet_v2, "ENTRY", local)
    return local


def test_better_features_score_better(workspace: Workspace) -> None:
    write_features(workspace, 0.3)
    weak = row(workspace, "efficientnet_lite0")
    write_features(workspace, 5.0)
    strong = row(workspace, "efficientnet_lite0")
    assert all(float(weak[column]) < float(strong[column]) for column in (1, 2, 4))
    assert float(weak[4]) < 0.7 < float(strong[4])
    assert weak[3] == "-", "the line's checkpoint holds no classifier"
    said = lines(workspace)
    dataset = Dataset.open(workspace.root / "dataset")
    assert said[0].startswith(f"Training samples: {len(dataset.ids('train'))} (")
    assert "  backbone.name: efficientnet_lite0" in said
    assert any("--fill mobilenet_v2" in line for line in said)
    assert not any("minilm" in line for line in said), "it sees no images"


def test_samples_without_a_label_are_counted_beside_the_classes(workspace: Workspace, tmp_path: Path) -> None:
    write_features(workspace, 1.0)
    own = replace(workspace, root=tmp_path / "bare")
    shutil.copytree(workspace.root, own.root)
    whole = lines(own)[0]
    manifest, told = own.root / "dataset" / "manifest.parquet", own.root / "dataset" / "dataset.json"
    table, description = pq.read_table(manifest), json.loads(told.read_text())
    labels = table.column("label").to_pylist()
    for number in range(4):
        labels[table.column("split").to_pylist().index("train") + number] = ""
    place = table.column_names.index("label")
    table = table.set_column(place, table.field(place), [pa.array(labels, table.field(place).type)])
    pq.write_table(table, manifest)
    description["digest"] = table_digest(table, description["target"])
    told.write_text(json.dumps(description))
    said = lines(own)[0]
    assert "without" not in whole
    total, *counts = (int(number) for number in re.findall(r"\d+", said))
    assert said.endswith(f", {counts[-1]} without a label)")
    assert sum(counts) == total == int(whole.split()[2])


def test_without_known_features_the_remedy_is_named(workspace: Workspace, tmp_path: Path) -> None:
    own = replace(workspace, context=replace(workspace.context, cache=tmp_path / "cache"))
    write_features(own, 1.0, data="others")
    with pytest.raises(StorageError, match="--fill all"):
        lines(own)
    (own.root / "features" / "features.json").unlink()
    with pytest.raises(StorageError, match="dvc repro extract_features"):
        lines(own)


@pytest.mark.slow
def test_without_a_dataset_what_makes_it_is_named(workspace: Workspace, tmp_path: Path) -> None:
    own = replace(workspace, root=tmp_path / "empty")
    (own.root / "data").mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        lines(own)
    assert str(caught.value) == (
        "dataset, which advise reads, does not exist. Run: python -m components refresh; dvc repro version_data"
    )
    (own.root / "data" / "source.lock").touch()
    with pytest.raises(StorageError, match=r"does not exist\. Run: dvc repro version_data$"):
        lines(own)
    out = "{path: dataset, md5: 1.dir}"
    (own.root / "dvc.lock").write_text(f"stages: {{version_data: {{outs: [{out}]}}}}")
    with pytest.raises(StorageError, match=r"repro version_data\. .*: python -m components pull dataset$"):
        lines(own)


def test_what_was_filled_is_compared_and_never_computed_again(
    workspace: Workspace, published: BackboneEntry, tmp_path: Path
) -> None:
    own = replace(workspace, context=replace(workspace.context, cache=tmp_path / "cache"))
    write_features(own, 1.0)
    first = row(own, "mobilenet_v2", "mobilenet_v2")
    assert first[0] == "2,223,872"
    assert float(first[3]) <= 0, "LEEP, by the classifier that was published"
    shards = sorted((tmp_path / "cache" / "store").rglob("*.json"))
    seen = [record["key"] for index in shards for record in json.loads(index.read_text())["records"]]
    assert sorted(seen) == Dataset.open(own.root / "dataset").ids("train"), "and nothing of another side"
    Path(published.uri.removeprefix("file:")).unlink()
    assert row(own, "mobilenet_v2", "mobilenet_v2") == first
    assert sorted((tmp_path / "cache" / "store").rglob("*.json")) == shards


def test_a_name_that_does_not_fit_is_refused_before_any_work(workspace: Workspace, tmp_path: Path) -> None:
    own = replace(workspace, context=replace(workspace.context, cache=tmp_path / "cache"))
    with pytest.raises(ParamsError, match="--fill minilm_l6: allowed are efficientnet_lite0, "):
        lines(own, "mobilenet_v2", "minilm_l6")
    assert not (tmp_path / "cache").exists()


def test_what_the_store_has_no_room_for_is_refused_before_any_download(
    workspace: Workspace, published: BackboneEntry, tmp_path: Path
) -> None:
    count = len(Dataset.open(workspace.root / "dataset").ids("train"))
    size = count * 1280 * 4
    own = replace(workspace, context=replace(workspace.context, cache=tmp_path / "cache", budget=size - 1))
    with pytest.raises(ParamsError, match=rf"--fill mobilenet_v2: the features of {count} training samples"):
        lines(own, "mobilenet_v2")
    assert not (tmp_path / "cache").exists()


def test_samples_that_are_cut_are_refused_before_any_download(
    workspace: Workspace, published: BackboneEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Modality, "windowing", {"side": 32})
    own = replace(workspace, context=replace(workspace.context, cache=tmp_path / "cache"))
    with pytest.raises(ParamsError, match="--fill mobilenet_v2: image samples are cut into windows"):
        lines(own, "mobilenet_v2")
    assert not (tmp_path / "cache").exists()
