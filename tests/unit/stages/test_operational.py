from pathlib import Path

import numpy as np
import onnx
import pytest
from brightness import ABOUT
from onnx import TensorProto, helper, numpy_helper

from components.params import Params
from components.params.load import check
from components.stages.operational import judge, measure, operational
from components.storage.publish import sha256_file, write_json


@pytest.fixture
def params() -> Params:
    return check(
        {
            "data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
            "gate": {
                "rules": [{"metric": "accuracy", "at_least": 0.5}],
                "operational": {"batch1_ms_p95": 100, "samples_per_second": 50},
            },
            "runtime": {"threads": 1},
        }
    )


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A bundle whose network is the mean over an image."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["probabilities"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes, "mean", [image], [out], [numpy_helper.from_array(np.array([1, 2]), "axes")]
    )
    folder = tmp_path / "release"
    folder.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    files = {"model.onnx": {"sha256": sha256_file(folder / "model.onnx")}}
    write_json(
        folder / "manifest.json", {**ABOUT, "released": "fp32", "classes": ["a", "b", "c"], "files": files}
    )
    return folder


def test_a_release_is_measured_on_its_provider(release: Path, params: Params) -> None:
    found = measure(release, params)
    assert found["provider"] == "CPUExecutionProvider"
    assert isinstance(found["batch1_ms_p95"], float)
    assert isinstance(found["batch1_ms_median"], float)
    assert found["batch1_ms_p95"] >= found["batch1_ms_median"] > 0


def test_a_measurement_is_made_once_for_a_release(release: Path, params: Params, tmp_path: Path) -> None:
    first = operational(release, params, tmp_path / "state")
    assert operational(release, params, tmp_path / "state") == first
    assert len(list((tmp_path / "state" / "operational").iterdir())) == 1


@pytest.mark.parametrize(
    ("latency", "speed", "verdict"),
    [
        (100, 50, "pass"),
        (100.1, 50, "fail"),
        (100, 49.9, "fail"),
        (None, 50, "fail"),
        (float("nan"), 50, "fail"),
    ],
)
def test_both_bounds_must_be_cleared(
    params: Params, latency: float | None, speed: float, verdict: str
) -> None:
    assert judge({"batch1_ms_p95": latency, "samples_per_second": speed}, params)["verdict"] == verdict
