"""int8 and fp16: same signature, near probabilities, pre-processing untouched, same bytes each time."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto
from torch import nn

from components.backbones.catalogue import build
from components.errors import ExportError
from components.export.onnx_file import export_module
from components.export.release import ReleaseNetwork, export_release
from components.export.variants import to_fp16, to_int8
from components.inference.bundle import Runner
from components.modalities.image.decode import SIGNATURE
from components.runtime.sessions import open_session

Pictures = Callable[..., np.ndarray]
Predict = Callable[[np.ndarray], np.ndarray]
FACTS = {"classes": '["dark", "light"]'}


@pytest.fixture(scope="module")
def calibration(pictures: Pictures) -> list[np.ndarray]:
    return [pictures(1, 40 + i, 48) for i in range(16)]


@pytest.fixture(scope="module")
def int8(release: bytes, calibration: list[np.ndarray]) -> bytes:
    return to_int8(release, calibration, FACTS)


@pytest.fixture(scope="module")
def fp16(release: bytes) -> bytes:
    return to_fp16(release, FACTS)


def _run(model: bytes, images: np.ndarray) -> np.ndarray:
    found: np.ndarray = open_session(model, ["cpu"], 1).run(None, {"image": images})[0]
    return found


def _weights(model: bytes) -> list[onnx.TensorProto]:
    """The convolutions' weights: of all that has four axes, all but the constants of the pre-processing."""
    return [t for t in onnx.load_from_string(model).graph.initializer if len(t.dims) == 4 and t.dims[0] > 1]


def _before_convolution(model: bytes) -> list[onnx.NodeProto]:
    """What the first convolution's input is made of."""
    nodes = onnx.load_from_string(model).graph.node
    made = {name: node for node in nodes for name in node.output}
    todo, found = [next(node for node in nodes if node.op_type == "Conv").input[0]], []
    while todo:
        node = made.get(todo.pop())
        if node is not None:
            found.append(node)
            todo.extend(node.input)
    return found


def test_int8_holds_int8_weights_with_one_scale_a_channel_behind_the_first_layers(int8: bytes) -> None:
    weights = _weights(int8)
    assert sorted(tensor.data_type for tensor in weights) == [TensorProto.FLOAT, TensorProto.INT8]
    weights = [tensor for tensor in weights if tensor.data_type == TensorProto.INT8]
    model = onnx.load_from_string(int8)
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    scales = {
        node.input[0]: sizes[node.input[1]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[1] in sizes
    }
    assert [scales[tensor.name] for tensor in weights] == [[tensor.dims[0]] for tensor in weights]


@pytest.mark.parametrize(("variant", "tolerance"), [("int8", 0.05), ("fp16", 0.005)])
def test_probabilities_stay_near_for_any_size(
    request: pytest.FixtureRequest, reference: Predict, pictures: Pictures, variant: str, tolerance: float
) -> None:
    model: bytes = request.getfixturevalue(variant)
    for images in (pictures(7), pictures(2, 150, 61), pictures(1, 20, 20)):
        found = _run(model, images)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, reference(images), atol=tolerance)
        assert not np.array_equal(found, reference(images)), "nothing was converted"


@pytest.mark.parametrize("variant", ["release", "int8", "fp16"])
def test_an_empty_batch_is_taken_by_all_alike(
    request: pytest.FixtureRequest, pictures: Pictures, variant: str
) -> None:
    runner = Runner(request.getfixturevalue(variant), ["cpu"], 1)
    found = runner.run(pictures(2)[:0])
    assert (found.shape, found.dtype) == ((0, 2), np.float32)


def test_plain_onnxruntime_runs_each_file_on_an_empty_batch(
    network: ReleaseNetwork, calibration: list[np.ndarray]
) -> None:
    """CASES 34: whoever serves the file has no wrapper of ours around it."""
    units = build("efficientnet_lite0", seed=1).units[
        :4
    ]  # the last of them adds its input to what it makes of it
    layers = nn.Sequential(*units, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    made = ReleaseNetwork(network.preprocess, layers, nn.Linear(24, 2), network.answer).eval()
    plain = export_release(made, SIGNATURE, "probabilities", 20)
    empty = np.empty((0, 48, 40, 3), dtype=np.uint8)
    for model in (plain, to_int8(plain, calibration), to_fp16(plain)):
        session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        assert session.run(None, {"image": empty})[0].shape == (0, 2)


@pytest.mark.parametrize("variant", ["int8", "fp16"])
def test_signature_and_facts_are_the_release_s(
    request: pytest.FixtureRequest, release: bytes, variant: str
) -> None:
    model = onnx.load_from_string(request.getfixturevalue(variant))
    plain = onnx.load_from_string(release)
    assert list(model.graph.input) == list(plain.graph.input)
    assert [o.name for o in model.graph.output] == ["probabilities"]
    assert {entry.key: entry.value for entry in model.metadata_props} == FACTS


def test_pre_processing_stays_in_single_precision(int8: bytes, fp16: bytes) -> None:
    resize = {node.op_type for node in _before_convolution(fp16)}
    assert {"Resize", "Sub", "Div"} <= resize
    for model in (int8, fp16):
        nodes = _before_convolution(model)
        kinds = [node.op_type for node in nodes]
        # Walking back from the convolution: at most one conversion, then single precision to the pixels.
        first = kinds.index("Div")
        assert set(kinds[:first]) <= {"QuantizeLinear", "DequantizeLinear", "Cast"}
        assert not {"QuantizeLinear", "DequantizeLinear"} & set(kinds[first:])
        casts = [node.attribute[0].i for node in nodes[first:] if node.op_type == "Cast"]
        assert TensorProto.FLOAT16 not in casts


def test_fp16_halves_the_weights(release: bytes, fp16: bytes) -> None:
    assert [tensor.data_type for tensor in _weights(fp16)] == [TensorProto.FLOAT16] * 2
    halved = {t.name: onnx.numpy_helper.to_array(t) for t in _weights(fp16)}
    for tensor in _weights(release):
        np.testing.assert_array_equal(
            halved[tensor.name], onnx.numpy_helper.to_array(tensor).astype(np.float16)
        )


def test_the_same_release_gives_the_same_bytes(
    release: bytes, int8: bytes, fp16: bytes, calibration: list[np.ndarray]
) -> None:
    assert to_int8(release, iter(calibration), FACTS) == int8
    assert to_fp16(release, FACTS) == fp16


def test_no_file_and_no_path_is_left(
    release: bytes, calibration: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = to_int8(release, calibration)
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path).encode() not in made
    assert b"graftline-" not in made


def test_calibration_that_fails_is_an_export_error(
    release: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    grey = [np.zeros((1, 40, 48, 1), dtype=np.uint8)]
    for batches in (grey, iter(())):
        with pytest.raises(ExportError, match="int8 variant cannot be made"):
            to_int8(release, batches)
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_weights_worth_the_name_has_no_fp16_variant() -> None:
    linear = export_module(nn.Linear(3, 2), (torch.zeros(1, 3),), ["image"], ["probabilities"], {})
    with pytest.raises(ExportError, match="needs weights"):
        to_fp16(linear)


def test_weights_that_half_precision_cannot_hold_are_an_export_error(release: bytes) -> None:
    model = onnx.load_from_string(release)
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4 and t.dims[0] > 1)
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * 1e6, tensor.name))
    with pytest.raises(ExportError, match="half precision"):
        to_fp16(model.SerializeToString())


class _Clamp(nn.Module):
    """Numbers within a range, whose lower bound the activations have, too."""

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers.clamp(0, 1)


def test_a_constant_of_the_layers_and_of_the_answer_is_halved_for_the_layers_alone(
    network: ReleaseNetwork, pictures: Pictures
) -> None:
    made = ReleaseNetwork(network.preprocess, network.backbone, network.head, _Clamp()).eval()
    plain = export_release(made, SIGNATURE, "numbers", 20)
    images = pictures(4, 7, 48)
    np.testing.assert_allclose(_run(to_fp16(plain), images), _run(plain, images), atol=5e-3)
