"""Texts that are generated letter by letter: while the head is trained it is given targets, and the release's graph is
one step, which the runner repeats. tests/plugins/spellings/ brings the problem; all stages run in this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counting
import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
import torch
from lines import ROOT
from plugged import plugged
from signed import check_signature
from spelling import PACKAGE, SPELLINGS, samples, weights
from text_lines import run_stages

from components.errors import StorageError
from components.export.release import ReleaseNetwork
from components.inference.bundle import Bundle, open_bundle
from components.registry.model import signature
from components.runtime.sessions import open_session
from components.stages.network import NetworkLine
from components.storage.publish import read_json, write_json
from components.training.network import Network

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkLine]:
    place = tmp_path_factory.mktemp("spellings")
    samples(place / "measured")
    weights(place / "trained" / "letter_network.safetensors")
    root = place / "line"
    root.mkdir()
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    bytes_too = plugged(place / "counts", counting.PACKAGE)
    with bytes_too, plugged(place / "spellings", PACKAGE), pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)  # the source's address is relative to it
        SPELLINGS.params(root, place / "trained" / "letter_network.safetensors")
        yield NetworkLine.of(root, *run_stages(root))


@pytest.fixture
def bundle(line: NetworkLine) -> Bundle:
    return open_bundle(line.inputs["release"])


def _payloads(line: NetworkLine) -> list[bytes]:
    return [line.dataset.read(i) for i in line.dataset.ids("test")]


def test_a_text_goes_from_its_label_to_a_verdict(line: NetworkLine) -> None:
    found = {
        rule["rule"]: rule["outcome"]
        for rule in read_json(line.inputs["evaluation"].parent / "verdict.json")["rules"]
    }
    assert set(found.values()) == {"pass"}, found
    assert read_json(line.inputs["selected"] / "selected.json")["chosen"] == "tuned"
    parity = read_json(line.inputs["release"] / "parity.json")["fp32"]
    assert (parity["samples"], parity["changed_decisions"]) == (40, 0)
    rows: list[dict[str, Any]] = pq.read_table(line.inputs["evaluation"] / "predictions.parquet").to_pylist()
    exact = read_json(line.inputs["evaluation"] / "metrics.json")["release"]["exact"]["estimate"]
    assert exact == pytest.approx(np.mean([row["target"] == row["fp32.text"] for row in rows]))
    assert {len(row["fp32.text"]) for row in rows} > {1, 2, 3}


def test_mlflow_s_signature_names_the_state_and_the_answer_of_one_step(
    line: NetworkLine, bundle: Bundle
) -> None:
    check_signature(line.inputs["release"])
    said = signature(bundle.manifest)
    assert [one["name"] for one in said.inputs.to_dict()] == ["bytes", "newest", "keys", "values"]
    assert said.outputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, 1, 1)


def test_the_manifest_names_the_state_and_the_graph_takes_it(line: NetworkLine, bundle: Bundle) -> None:
    cache = {"type": "float32", "shape": ["batch", "past", 32], "start": []}
    assert bundle.manifest["runner"] == {
        "steps": {
            "most": 5,
            "end": 0,
            "state": [
                {"name": "newest", "type": "int64", "shape": ["batch", "new"], "start": [1]},
                {"name": "keys", **cache},
                {"name": "values", **cache},
            ],
        }
    }
    graph = onnx.load(line.inputs["release"] / "model.onnx").graph
    assert [value.name for value in graph.input] == ["bytes", "newest", "keys", "values"]
    assert [value.name for value in graph.output] == ["letters", "next.newest", "next.keys", "next.values"]


def test_a_step_says_what_torch_says_and_no_sample_depends_on_its_company(
    line: NetworkLine, bundle: Bundle
) -> None:
    backbone, head = line.selected()
    decides = bundle.decision
    whole = ReleaseNetwork(line.modality.preprocessor(), backbone, head, decides.module()).eval()
    decoded = np.stack([line.modality.decode(payload) for payload in _payloads(line)])
    with torch.inference_mode():
        expected = whole(torch.from_numpy(decoded)).numpy()
    runner = bundle.runner(["cpu"], 1)
    together, alone = (
        np.stack([rows[0] for rows, _ in runner.rows(_payloads(line), bundle.assembly.windows, size)])
        for size in (16, 1)
    )
    np.testing.assert_array_equal(together, alone)
    assert decides.same(decides(expected), decides(together)).all()
    ended = np.array([answer[0].tolist() for answer in together])
    after_end = np.cumsum(ended == 0, axis=1) > 1
    assert (ended[after_end] == 0).all()
    assert after_end.any()


def test_a_prompt_at_once_and_letter_by_letter_give_the_same(line: NetworkLine, bundle: Bundle) -> None:
    session = open_session(bundle.model(), ["cpu"], 1)
    sample = line.modality.decode(_payloads(line)[0])[None]
    nothing, prompt = np.zeros((1, 0, 32), np.float32), np.array([[1, 3, 2, 4]])
    at_once = session.run(None, {"bytes": sample, "newest": prompt, "keys": nothing, "values": nothing})
    keys = values = nothing
    for letter in prompt[0]:
        feeds = {"bytes": sample, "newest": np.array([[letter]]), "keys": keys, "values": values}
        answer, newest, keys, values = session.run(None, feeds)
    np.testing.assert_allclose(keys, at_once[2], atol=1e-5)
    np.testing.assert_allclose(values, at_once[3], atol=1e-5)
    assert (answer, newest) == (at_once[0], at_once[1])


def test_a_head_that_is_forced_is_given_targets_where_its_loss_is_measured(line: NetworkLine) -> None:
    backbone, head = line.selected()
    network = Network(backbone, head, 0).eval()
    with torch.inference_mode():
        shown = torch.from_numpy(np.stack([line.modality.decode(p) for p in _payloads(line)[:8]]))
        seen = line.modality.preprocessor()(shown)
        wrong = torch.full((8, 5), 4)
        free, forced = network(seen), network(seen, wrong)
        own = free.unflatten(1, (5, -1)).argmax(dim=2)
        assert free.shape == forced.shape
        assert not torch.allclose(free, forced)
        torch.testing.assert_close(network(seen, own), free, atol=1e-5, rtol=1e-5)


def test_steps_that_are_not_ours_are_refused(line: NetworkLine, tmp_path: Path) -> None:
    for path in line.inputs["release"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = read_json(tmp_path / "manifest.json")
    manifest["runner"]["steps"]["most"] = 500
    write_json(tmp_path / "manifest.json", manifest)
    with pytest.raises(StorageError, match="it answers in the steps"):
        open_bundle(tmp_path)
    del manifest["runner"]
    write_json(tmp_path / "manifest.json", manifest)
    with pytest.raises(StorageError, match="wants an input 'newest' that nobody gives"):
        open_bundle(tmp_path).model()
