import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from brightness import ABOUT
from onnx import TensorProto, helper, numpy_helper
from run_git import git
from stored import StoredId

from components.errors import GateRefused, RegistryError
from components.params import Params
from components.registry.delivery import deliver, known_as
from components.registry.lineage import git_state, lineage
from components.registry.model import (
    Card,
    description,
    example,
    folder_digest,
    released_file,
    signature,
)
from components.registry.register import DIGEST_TAG, FOLDER_TAG, WHOLE, Candidate, download, register
from components.registry.runs import start_run
from components.registry.store import connect
from components.registry.verdicts import refuse_unless_pass
from components.storage.publish import sha256_tree, write_json

PASS: Mapping[str, object] = {"verdict": "pass", "rules": [{"rule": "accuracy >= 0.8", "outcome": "pass"}]}


def mean_model() -> onnx.ModelProto:
    """uint8 (batch, height, width, 3) → float32 (batch, 2): the first two channels' means."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], keepdims=0),
        helper.make_node("Gather", ["m", "two"], ["probabilities"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 2]), "axes"),
        numpy_helper.from_array(np.array([0, 1]), "two"),
    ]
    graph = helper.make_graph(nodes, "mean", [image], [out], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def release(workspace: Path) -> Path:
    folder = workspace / "release"
    folder.mkdir()
    onnx.save(mean_model(), folder / "model.onnx")
    write_json(
        folder / "manifest.json",
        {
            **ABOUT,
            "classes": ["good", "bad"],
            "output": {"name": "probabilities"},
            "released": "fp32",
            "files": {"model.onnx": {"sha256": "", "size": 1}},
        },
    )
    return folder


def candidate(release: Path, verdict: Mapping[str, object] = PASS) -> Candidate:
    report = release.parent / "report.html"
    report.write_text("<html></html>")
    tags = {"graftline.source_uri": "file:images", "graftline.data_licence": "CC0"}
    return Candidate(release, verdict, PASS, tags, {"accuracy": 0.9}, ["CPUExecutionProvider"], report)


def versions(root: Path, params: Params) -> list[Mapping[str, str]]:
    client = connect(root, params.tracking).client
    return [version.tags for version in client.search_model_versions("name = 'cells'")]


def test_a_release_is_registered_once_with_its_whole_story(
    workspace: Path, params: Params, stored_id: StoredId, release: Path
) -> None:
    run = start_run(workspace, params, "flow")
    first = register(workspace, params.tracking, candidate(release), run)
    again = register(workspace, params.tracking, candidate(release), start_run(workspace, params, "flow"))
    assert (first.created, again.created) == (True, False)
    assert first.version == again.version == "1"
    assert first.digest == sha256_tree(release)

    client = connect(workspace, params.tracking).client
    version = client.get_model_version("cells", "1")
    assert version.tags["graftline.release_sha256"] == first.digest
    assert version.tags["graftline.verified"] == "true"
    assert version.tags["graftline.data_licence"] == "CC0"
    assert version.run_id == stored_id(run)
    assert "| accuracy | 0.900 |" in version.description
    assert client.get_run(stored_id(run)).data.metrics["accuracy"] == 0.9


def test_the_card_lies_in_the_versions_folder_and_stands_on_its_page(
    workspace: Path, params: Params, release: Path, tmp_path: Path
) -> None:
    before = sha256_tree(release)
    card = Card(
        b"---\nlicense: mit\n---\n",
        b"{}",
        "### Intended use\n\nSorting.",
        {"graftline.card.licence": "mit"},
        {"accuracy": ("Accuracy", "0.900 (0.850 to 0.950)")},
    )
    given = replace(candidate(release), card=card)
    register(workspace, params.tracking, given, start_run(workspace, params, "flow"))
    connection = connect(workspace, params.tracking)
    version = connection.client.get_model_version("cells", "1")
    got = download(connection, "cells", "1", str(tmp_path), WHOLE)
    assert (got / "README.md").read_bytes() == card.readme
    assert (got / "card.json").read_bytes() == card.facts
    assert version.tags["graftline.card.licence"] == "mit"
    assert version.tags[FOLDER_TAG] == folder_digest(got)
    assert card.summary in version.description
    assert "| Accuracy | 0.900 \\(0.850 to 0.950\\) |" in version.description
    assert version.tags[DIGEST_TAG] == before == sha256_tree(got / "release")


def test_a_description_is_no_longer_than_the_database_holds() -> None:
    metrics = {f"recall of class {n}": 0.5 for n in range(400)}
    found = description("a" * 64, PASS, {}, metrics, Card(b"", b"", "summary", {}))
    assert len(found) == 5000
    assert found.startswith("Verdict **pass** by 1 rules")
    assert "summary" in found


def test_a_store_that_params_name_later_gets_a_run_of_its_own(
    workspace: Path, params: Params, release: Path
) -> None:
    run = start_run(workspace, params, "flow")
    register(workspace, params.tracking, candidate(release), run)
    run.set_status("FINISHED")
    deliver(workspace, connect(workspace, params.tracking))
    other = params.tracking.model_copy(update={"uri": f"sqlite:///{workspace / 'other.db'}"})
    assert register(workspace, other, candidate(release), run).created
    connection = connect(workspace, other)
    version = connection.client.get_model_version("cells", "1")
    assert version.run_id == known_as(run.folder, run.id, connection.place)
    assert connection.client.get_run(version.run_id).info.status == "FINISHED"


def test_what_mlflow_keeps_has_the_evaluated_bytes_a_signature_and_an_example(
    workspace: Path, params: Params, release: Path, tmp_path: Path
) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    register(workspace, params.tracking, candidate(release), start_run(workspace, params, "flow"))
    connection = connect(workspace, params.tracking)
    source = connection.client.get_model_version_download_uri("cells", "1")
    got = Path(download_artifacts(source, dst_path=str(tmp_path), tracking_uri=connection.place.uri))
    assert (got / "model.onnx").read_bytes() == (release / "model.onnx").read_bytes()
    assert sha256_tree(got / "release") == sha256_tree(release)
    assert (got / "report.html").read_text() == "<html></html>"
    described = Model.load(str(got))
    assert described.flavors["onnx"]["providers"] == ["CPUExecutionProvider"]
    inputs = described.signature.inputs.to_dict()
    assert inputs[0]["name"] == "image"
    assert inputs[0]["tensor-spec"] == {"dtype": "uint8", "shape": (-1, -1, -1, 3)}
    assert described.signature.outputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 2)}
    example = json.loads((got / "input_example.json").read_text())
    assert np.unique(np.asarray(example["inputs"]["image"] if "inputs" in example else example["image"])) == [
        100
    ]
    assert "onnxruntime==" in (got / "requirements.txt").read_text()


MASKS = {
    "input": {"name": "image", "type": "uint8", "shape": ["batch", "height", "width", 3]},
    "output": {"name": "shares", "type": "float32", "shape": ["batch", 3, 32, 32]},
    "columns": ["p.a", "p.b", "p.c"],
}
STEPS = {
    "most": 5,
    "end": 0,
    "state": [
        {"name": "newest", "type": "int64", "shape": ["batch", "new"], "start": [1]},
        {"name": "keys", "type": "float32", "shape": ["batch", "past", 8], "start": []},
    ],
}


def specs(schema: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {one["name"]: tuple(one["tensor-spec"].values()) for one in schema.to_dict()}


def test_the_signature_of_answers_with_axes_has_them() -> None:
    said = signature(MASKS)
    assert specs(said.inputs) == {"image": ("uint8", (-1, -1, -1, 3))}
    assert specs(said.outputs) == {"shares": ("float32", (-1, 3, 32, 32))}


def test_a_release_in_steps_is_signed_with_its_state() -> None:
    text = {**MASKS, "output": {"name": "tokens", "type": "float32", "shape": ["batch", 1, 5]}}
    said = signature({**text, "columns": ["token"], "runner": {"steps": STEPS}})
    state = {"newest": ("int64", (-1, -1)), "keys": ("float32", (-1, -1, 8))}
    assert specs(said.inputs) == {"image": ("uint8", (-1, -1, -1, 3)), **state}
    after = {f"next.{name}": spec for name, spec in state.items()}
    assert specs(said.outputs) == {"tokens": ("float32", (-1, 1, 1)), **after}
    made = example({**text, "runner": {"steps": STEPS}})
    assert {name: array.shape for name, array in made.items()} == {
        "image": (1, 32, 32, 3),
        "newest": (1, 1),
        "keys": (1, 1, 8),
    }
    assert made["newest"].tolist() == [[1]]


def test_a_manifest_of_classes_alone_is_signed_by_their_number() -> None:
    """Of format 1."""
    said = signature({"input": MASKS["input"], "output": {"name": "probabilities"}, "classes": ["a", "b"]})
    assert specs(said.outputs) == {"probabilities": ("float32", (-1, 2))}


def test_a_manifest_without_an_input_is_refused() -> None:
    with pytest.raises(RegistryError, match=r"without a shape.*dvc repro -f export_onnx"):
        signature({"output": MASKS["output"], "columns": []})


def test_asking_at_once_makes_one_version(workspace: Path, params: Params, release: Path) -> None:
    made = candidate(release)
    runs = [start_run(workspace, params, "flow") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda run: register(workspace, params.tracking, made, run), runs))
    assert sorted(registered.created for registered in done) == [False, False, True]
    assert len(versions(workspace, params)) == 1


def test_another_release_is_another_version(workspace: Path, params: Params, release: Path) -> None:
    run = start_run(workspace, params, "flow")
    register(workspace, params.tracking, candidate(release), run)
    write_json(release / "parity.json", {"max_abs": 0.0})
    assert register(workspace, params.tracking, candidate(release), run).version == "2"


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", None, "passed"])
def test_only_pass_is_registered(workspace: Path, params: Params, release: Path, verdict: str | None) -> None:
    rules = [
        {"rule": "accuracy >= 0.8", "outcome": "pass"},
        {"rule": "auroc >= 0.9", "outcome": "fail", "evidence": "0.85 [0.83, 0.87]"},
    ]
    run = start_run(workspace, params, "flow")
    with pytest.raises(GateRefused) as caught:
        register(workspace, params.tracking, candidate(release, {"verdict": verdict, "rules": rules}), run)
    assert caught.value.exit_code == 3
    assert "auroc >= 0.9: fail 0.85 [0.83, 0.87]" in str(caught.value)
    assert "accuracy" not in str(caught.value)
    assert versions(workspace, params) == []


FAILED = {"rule": "auroc at least 0.9", "outcome": "fail", "kind": "metric", "low": 0.8, "high": 0.85}
ACROSS = {
    "rule": "accuracy at least 0.7",
    "outcome": "inconclusive",
    "kind": "metric",
    "low": 0.65,
    "high": 0.76,
}
BARELY = {
    "rule": "better than scratch",
    "outcome": "inconclusive",
    "kind": "control",
    "low": -0.1,
    "high": 0.1,
}
TOO_FEW = {
    **ACROSS,
    "low": None,
    "high": None,
    "evidence": "0.9 (no interval: 9 groups are too few: wants at least 10)",
}
UNKNOWN = {"rule": "size", "outcome": "inconclusive", "kind": "size", "low": None, "high": None}


def test_a_release_that_was_timed_on_a_busy_machine_is_not_blamed_on_data_or_training() -> None:
    slow = {"rule": "samples/s in batches >= 20", "kind": "operational", "evidence": "14"}
    busy = {**slow, "outcome": "inconclusive"}
    for rules, helps in (
        ([busy], ["On a quiet machine run"]),
        ([{**slow, "outcome": "fail"}], ["Too slow on"]),
    ):
        with pytest.raises(GateRefused) as caught:
            refuse_unless_pass(PASS, {"verdict": "fail", "rules": rules})
        said = str(caught.value)
        assert "samples/s in batches >= 20: " in said
        assert "Correct the data" not in said
        assert all(text in said for text in helps)
        assert ("`python -m components register` again" in said) == (rules == [busy])


@pytest.mark.parametrize(
    ("rules", "mended", "samples", "bound"),
    [
        ([FAILED], 1, 0, 0),
        ([ACROSS], 0, 1, 1),
        ([ACROSS, {**ACROSS, "rule": "accuracy on plant=a at least 0.7"}], 0, 1, 1),
        ([BARELY], 0, 1, 0),
        ([FAILED, ACROSS, BARELY], 1, 1, 1),
        ([TOO_FEW], 0, 1, 1),
        ([UNKNOWN], 1, 0, 0),
        ([], 1, 0, 0),
    ],
)
def test_a_refusal_ends_with_what_helps_said_once(
    rules: list[dict[str, object]], mended: int, samples: int, bound: int
) -> None:
    with pytest.raises(GateRefused) as caught:
        refuse_unless_pass({"verdict": "inconclusive", "rules": rules})
    said = str(caught.value)
    assert said.count("Correct the data or the training") == mended
    assert said.count("More test samples help") == samples
    assert said.count("`by: estimate`") == bound
    last = said.splitlines()[2 + len(rules) :]
    assert len(last) == mended + samples
    assert all(line == line.strip() and line.endswith(".") for line in last)


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from mlflow import MlflowClient
from components.params.load import check
from components.registry.register import Candidate, register
from components.registry.runs import start_run
root, method, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
original = getattr(MlflowClient, method)
def dying(self, *args, **kwargs):
    if when == "after":
        original(self, *args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(MlflowClient, method, dying)
params = check({"data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
                "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]}, "tracking": {"model": "cells"}})
ok = {"verdict": "pass", "rules": [{"rule": "accuracy at least 0.5", "outcome": "pass"}]}
register(root, params.tracking, Candidate(root / "release", ok, ok, {}, {}, ["CPUExecutionProvider"]),
         start_run(root, params, "flow"))
"""


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("log_model_artifacts", "after"),
        ("create_model_version", "before"),
        ("create_model_version", "after"),
        ("set_model_version_tag", "before"),
    ],
)
def test_killed_anywhere_the_next_attempt_leaves_one_verified_version(
    workspace: Path, params: Params, release: Path, method: str, when: str
) -> None:
    code = subprocess.run(
        [sys.executable, "-c", KILLED, workspace, method, when], env=os.environ, check=False
    ).returncode
    assert code == -signal.SIGKILL
    register(workspace, params.tracking, candidate(release), start_run(workspace, params, "flow"))
    found = versions(workspace, params)
    assert len(found) == 1
    assert found[0]["graftline.verified"] == "true"


def test_other_bytes_from_the_store_are_not_accepted(workspace: Path, params: Params, release: Path) -> None:
    run = start_run(workspace, params, "flow")
    done = register(workspace, params.tracking, candidate(release), run)
    connection = connect(workspace, params.tracking)
    source = connection.client.get_model_version_download_uri("cells", done.version)
    stored = Path(source.removeprefix("file://")) / "release" / "model.onnx"
    stored.write_bytes(stored.read_bytes()[:-1] + b"\0")
    connection.client.set_model_version_tag("cells", done.version, "graftline.verified", "false")
    with pytest.raises(RegistryError, match="other bytes"):
        register(workspace, params.tracking, candidate(release), run)
    assert versions(workspace, params)[0]["graftline.verified"] == "failed"


def test_a_store_that_was_deleted_or_put_back_gets_run_and_version_again(
    workspace: Path, params: Params, stored_id: StoredId, release: Path, empty_store: Path
) -> None:
    run = start_run(workspace, params, "flow")
    run.say("metrics", {"loss": 0.5})
    before = register(workspace, params.tracking, candidate(release), run)
    first = stored_id(run)
    shutil.copyfile(empty_store, workspace / ".graftline" / "mlflow" / "mlflow.db")
    connection = connect(workspace, params.tracking)
    again = register(workspace, params.tracking, candidate(release), run)
    assert (again.created, again.version) == (True, before.version)
    assert stored_id(run) != first
    stored = connection.client.get_run(stored_id(run)).data
    assert stored.metrics["loss"] == 0.5, "what it said to the store that is gone is said again"
    assert stored.tags["graftline.registered"] == "cells/1"
    models = connection.client.search_logged_models([connection.experiment])
    assert len(models) == 1, "nothing is uploaded before its run is there"


def test_a_store_that_goes_while_runs_are_delivered_gets_them_at_the_next_attempt(
    workspace: Path, params: Params, stored_id: StoredId, empty_store: Path
) -> None:
    run, connection = start_run(workspace, params, "flow"), connect(workspace, params.tracking)
    deliver(workspace, connection)
    shutil.copyfile(empty_store, workspace / ".graftline" / "mlflow" / "mlflow.db")
    run.say("metrics", {"loss": 0.5})
    with pytest.raises(Exception, match="not found"):
        deliver(workspace, connection)
    deliver(workspace, connection)
    found = connection.client.get_run(stored_id(run)).data
    assert (found.metrics["loss"], found.params["tracking.model"]) == (0.5, "cells")


def test_one_journal_that_cannot_be_delivered_blocks_no_other(
    workspace: Path, params: Params, stored_id: StoredId
) -> None:
    runs = [start_run(workspace, params, "flow") for _ in range(3)]
    for run in runs[:2]:
        run.say("parent", {"of": "nobody"})
    runs[2].say("metrics", {"loss": 0.5})
    connection = connect(workspace, params.tracking)
    with pytest.raises(KeyError):
        deliver(workspace, connection)
    assert connection.client.get_run(stored_id(runs[2])).data.metrics["loss"] == 0.5


@pytest.mark.parametrize("name", ["model.onnx", "MLmodel", "conda.yaml", "release/model.onnx"])
def test_any_file_of_the_version_that_comes_back_changed_is_noticed(
    workspace: Path, params: Params, release: Path, name: str
) -> None:
    done = register(workspace, params.tracking, candidate(release), start_run(workspace, params, "flow"))
    connection = connect(workspace, params.tracking)
    source = connection.client.get_model_version_download_uri("cells", done.version)
    stored = Path(source.removeprefix("file://")) / name
    stored.write_bytes(stored.read_bytes() + b"#")
    connection.client.set_model_version_tag("cells", done.version, "graftline.verified", "false")
    with pytest.raises(RegistryError, match="other bytes"):
        register(workspace, params.tracking, candidate(release), start_run(workspace, params, "flow"))


def test_lineage_names_source_checkpoint_and_code(tmp_path: Path) -> None:
    for name in ("data", "dataset", "checkpoint"):
        (tmp_path / name).mkdir()
    head = {"uri": "s3://key:canary@bucket/x", "revision": "7", "licence": "CC0", "layout": "folders"}
    (tmp_path / "data" / "source.lock").write_text(json.dumps(head) + "\nabc  1  a.png\n")
    write_json(tmp_path / "dataset" / "dataset.json", {"digest": "d1", "licence": "CC0", "classes": []})
    write_json(tmp_path / "checkpoint" / "provenance.json", {"uri": "pypi:x==1/y", "sha256": "c1"})
    tags = lineage(tmp_path)
    assert tags["graftline.source_uri"] == "s3://***@bucket/x"
    assert tags["graftline.data_digest"] == "d1"
    assert tags["graftline.checkpoint_sha256"] == "c1"
    assert "graftline.git_commit" not in tags


def test_results_of_a_run_make_no_tree_dirty(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    (tmp_path / "dvc.lock").write_text("x")
    assert git_state(tmp_path)["graftline.git_dirty"] == "false"
    (tmp_path / "params.yaml").write_text("seed: 2\n")
    assert git_state(tmp_path)["graftline.git_dirty"] == "true"


def test_a_bundle_without_its_released_file_is_refused(release: Path) -> None:
    assert released_file(release) == "model.onnx"
    write_json(release / "manifest.json", {"released": "int8", "files": {"model.onnx": {}}})
    with pytest.raises(RegistryError, match=r"releases int8, but has no model\.int8\.onnx"):
        released_file(release)


def test_a_class_of_any_name_has_a_metric_in_mlflow(workspace: Path, params: Params, release: Path) -> None:
    given = replace(candidate(release), metrics={"recall of c++": 0.5})
    register(workspace, params.tracking, given, start_run(workspace, params, "flow"))
    version = connect(workspace, params.tracking).client.get_model_version("cells", "1")
    assert "| recall of c++ | 0.500 |" in version.description
