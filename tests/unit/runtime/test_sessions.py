"""Sessions on the CPU, and what happens where the wanted provider is not there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from components.errors import ProviderError
from components.runtime.distribution import check_distribution
from components.runtime.sessions import open_session, run

WITHOUT_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")


def _doubling() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def _pretend_installed(folder: Path, name: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.mark.parametrize("from_file", [True, False])
def test_a_session_runs_on_the_provider_that_it_names(tmp_path: Path, from_file: bool) -> None:
    path = tmp_path / "doubling.onnx"
    path.write_bytes(_doubling())
    session = open_session(path if from_file else path.read_bytes(), ["cpu"], 1)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 1
    (found,) = run(session, {"x": np.array([1.5, -2.0], dtype=np.float32)})
    np.testing.assert_array_equal(found, [3.0, -4.0])


@WITHOUT_GPU
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_is_not_there_is_refused_though_a_cpu_could_do_it(provider: str) -> None:
    with pytest.raises(ProviderError, match=rf"asks for {provider}, but .*runtime\.providers"):
        open_session(_doubling(), [provider, "cpu"], 1)


def test_what_is_no_model_is_refused_with_the_reason() -> None:
    with pytest.raises(ProviderError, match="could not load the model"):
        open_session(b"no model", ["cpu"], 1)


def test_both_distributions_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_distribution()
    for name in ("onnxruntime", "onnxruntime-gpu"):
        _pretend_installed(tmp_path, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProviderError, match="onnxruntime and onnxruntime-gpu are both installed"):
        open_session(_doubling(), ["cpu"], 1)


def _reshaping() -> bytes:
    """A model with the reshape that onnxruntime's optimiser puts behind blocked convolutions."""
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"]), helper.make_node("Cast", ["y"], ["n"], to=7)],
        "reshaping",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2, 2]),
            helper.make_tensor_value_info("n", TensorProto.INT64, ["batch", 2, 2]),
        ],
        [helper.make_tensor("shape", TensorProto.INT64, [3], [0, -1, 2])],
    )
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def test_an_empty_batch_gives_empty_answers_whatever_the_model_can_take() -> None:
    session, empty = open_session(_reshaping(), ["cpu"], 1), np.empty((0, 4), dtype=np.float32)
    with pytest.raises(Exception, match="cannot be reshaped"):
        session.run(None, {"x": empty})
    y, n = run(session, {"x": empty})
    assert (y.shape, y.dtype) == ((0, 2, 2), np.float32)
    assert (n.shape, n.dtype) == ((0, 2, 2), np.int64)
    full = run(session, {"x": np.ones((1, 4), dtype=np.float32)})[1]
    assert (full.shape, full.dtype) == ((1, 2, 2), n.dtype)
