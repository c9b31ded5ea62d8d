"""A new starting checkpoint: the old one byte for byte, or one that learned, which the rest of the line takes."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from texts import write_tokenizer
from training_workspace import Workspace

from components.backbones.catalogue import build
from components.backbones.checkpoint import Provenance, load, save
from components.data.dataset import Dataset
from components.errors import Interrupted
from components.params import Params
from components.params.pretrain import PretrainParams
from components.registry.lineage import lineage
from components.stages import adapt_checkpoint, extract_features, version_data
from components.stages.domains import Chosen
from components.stages.refresh import refresh
from components.storage.publish import sha256_tree
from components.tracker import NullTracker

CLUSTERS = {"method": "clusters", "blocks": 1, "epochs": 2, "batch": 8, "clusters": 3}


class Terminating(NullTracker):
    """Sends SIGTERM when it hears of the first epoch."""

    def metrics(self, values, step=None):
        if step == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def adapt(workspace: Workspace, name: str, **pretrain: object) -> Path:
    params = workspace.params.model_copy(update={"pretrain": PretrainParams.model_validate(pretrain)})
    out = workspace.root / name
    out.mkdir(exist_ok=True)
    adapt_checkpoint.run(
        workspace.inputs("dataset", "checkpoint"), {"adapted": out}, params, workspace.context
    )
    return out


@pytest.fixture(scope="module")
def adapted(workspace: Workspace) -> Path:
    return adapt(workspace, "adapted-clusters", **CLUSTERS)


def test_none_is_the_checkpoint_byte_for_byte(workspace: Workspace) -> None:
    (workspace.root / "checkpoint" / "asset.json").write_text("{}")
    try:
        found = adapt(workspace, "adapted-none")
        assert {path.name for path in found.iterdir()} == {
            "asset.json",
            "provenance.json",
            "weights.safetensors",
        }
        assert sha256_tree(found) == sha256_tree(workspace.root / "checkpoint")
    finally:
        (workspace.root / "checkpoint" / "asset.json").unlink()


def test_what_learned_loads_names_its_base_and_moved_only_above_the_cut(
    workspace: Workspace, adapted: Path
) -> None:
    base, made = (
        load(folder, build("efficientnet_lite0")) for folder in (workspace.root / "checkpoint", adapted)
    )
    assert made.weights_sha256 != base.weights_sha256
    assert (made.uri, made.sha256, made.licence, made.parameters) == (
        base.uri,
        base.sha256,
        base.licence,
        base.parameters,
    )
    about = made.adaptation
    assert about is not None
    assert about["method"] == "clusters"
    assert about["base_weights_sha256"] == base.weights_sha256
    assert about["dataset_sha256"] == Dataset.open(workspace.root / "dataset").digest
    before, after = (load_file(f / "weights.safetensors") for f in (workspace.root / "checkpoint", adapted))
    moved = {int(name.split(".")[1]) for name in before if not torch.equal(before[name], after[name])}
    assert moved == {16, 17}  # the last block, and what makes the features


def test_an_interrupted_run_goes_on_and_writes_the_same_bytes(workspace: Workspace, adapted: Path) -> None:
    stopped = replace(workspace, context=replace(workspace.context, tracker=Terminating()))
    with pytest.raises(Interrupted):
        adapt(stopped, "adapted-again", **CLUSTERS)
    assert len(list((workspace.context.cache / "training").glob("*/*.checkpoint"))) == 1
    assert sha256_tree(adapt(workspace, "adapted-again", **CLUSTERS)) == sha256_tree(adapted)
    assert list((workspace.context.cache / "training").glob("*")) == []


def test_features_are_those_of_the_new_checkpoint(workspace: Workspace, adapted: Path) -> None:
    found = {}
    for name, folder in (("base", workspace.root / "checkpoint"), ("new", adapted)):
        out = workspace.output("features", f"features-{name}")
        inputs = {**workspace.inputs("dataset"), "adapted": folder}
        extract_features.run(inputs, out, workspace.params, workspace.context)
        found[name] = np.load(out["features"] / "features.npy")
    assert found["base"].shape == found["new"].shape
    assert not np.allclose(found["base"], found["new"], atol=1e-3)


def test_pairs_of_views_learn_too_and_no_test_sample_is_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Dataset.read
    seen = set()

    def noted(self: Dataset, sample: str) -> bytes:
        seen.add(sample)
        return read(self, sample)

    monkeypatch.setattr(Dataset, "read", noted)
    context = replace(workspace.context, cache=workspace.root / "cache-of-pairs")
    made = adapt(
        replace(workspace, context=context), "adapted-pairs", method="simclr", blocks=1, epochs=1, batch=8
    )
    dataset = Dataset.open(workspace.root / "dataset")
    assert seen == {*dataset.ids("train"), *dataset.ids("validation")}
    about = json.loads((made / "provenance.json").read_text())["adaptation"]
    assert about["training_samples"] == len(dataset.ids("train"))


def test_the_registry_hears_of_base_and_adaptation(
    workspace: Workspace, adapted: Path, tmp_path: Path
) -> None:
    for name, folder in (("checkpoint", workspace.root / "checkpoint"), ("adapted", adapted)):
        (tmp_path / name).symlink_to(folder)
    tags = lineage(tmp_path)
    base, made = (
        json.loads((f / "provenance.json").read_text()) for f in (workspace.root / "checkpoint", adapted)
    )
    assert tags["graftline.checkpoint_weights_sha256"] == base["weights_sha256"]
    assert tags["graftline.adapted_weights_sha256"] == made["weights_sha256"]
    assert tags["graftline.adapted_method"] == "clusters"


@pytest.fixture
def mails(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Sixty short texts of few words, and MiniLM with random weights."""
    draw = np.random.default_rng(0)
    rows = [
        f"{' '.join(draw.choice(['good', 'bad', 'mail', 'very'], 1 + n % 9))} {n},{n % 2}" for n in range(60)
    ]
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "mails.csv").write_text("\n".join(["body,kind", *rows]))
    params = Params.model_validate(
        {
            **workspace.params.model_dump(),
            "data": {
                "source": f"file:{tmp_path / 'mails'}",
                "licence": "none",
                "layout": "manifest",
                "labels": {"file": "mails.csv", "text": "body", "label": "kind"},
                "limits": {"min_per_class": 1},
            },
            "task": {"name": "text_classification", "input_size": 16},
            "backbone": {"name": "minilm_l6"},
        }
    )
    line = Workspace(tmp_path, params, replace(workspace.context, cache=tmp_path / "cache"))
    refresh(params, tmp_path, line.context.cache)
    inputs = {"data/source.lock": tmp_path / "data" / "source.lock"}
    version_data.run(inputs, line.output("dataset", "dataset"), params, line.context)
    names = ("name", "uri", "revision", "file", "sha256", "licence", "converter")
    start = Provenance(**dict.fromkeys(names, "x"), parameters=0, weights_sha256="")
    save(write_tokenizer(tmp_path / "checkpoint"), build("minilm_l6", seed=1).state_dict(), start)
    return line


@pytest.mark.slow
def test_hidden_words_move_the_last_layers_of_a_text_network(mails: Workspace) -> None:
    made = adapt(mails, "adapted", method="masked_tokens", blocks=2, epochs=2, batch=8)
    assert (made / "tokenizer.json").read_bytes() == (
        mails.root / "checkpoint" / "tokenizer.json"
    ).read_bytes()
    load(made, build("minilm_l6"))
    before, after = (load_file(f / "weights.safetensors") for f in (mails.root / "checkpoint", made))
    moved = {int(name.split(".")[1]) for name in before if not torch.equal(before[name], after[name])}
    assert moved == {5, 6}
    told = json.loads((made / "provenance.json").read_text())["adaptation"]
    assert told["validation"]["loss"] < np.log(30_522), "what blind guessing costs"


def test_how_many_classes_there_are_is_asked_of_the_problem() -> None:
    """A description of another package may call them otherwise."""

    class Line:
        dataset = None
        params = Params.model_validate(
            {
                "data": {"source": "file:x", "licence": "x"},
                "gate": {"rules": [{"metric": "f1", "at_least": 0.5}]},
            }
        )

        class problem:  # noqa: N801
            outputs = 7

    targets = np.arange(14) % 7
    side = Chosen([str(i) for i in targets], targets, targets, targets, np.full(14, ""))
    assert adapt_checkpoint._known(Line(), (side, side)).classes == 7  # type: ignore[arg-type]
