"""What MLflow keeps of a release, against its graph."""

from pathlib import Path

import numpy as np
import onnx

from components.registry.model import Tensor, example, released_file, tensors
from components.runtime.sessions import open_session
from components.storage.publish import read_json


def check_signature(release: Path) -> None:
    """Names, types and sizes are the graph's, and the graph takes the example and gives what is said."""
    manifest, path = read_json(release / "manifest.json"), release / released_file(release)
    graph, said = onnx.load(path).graph, tensors(manifest)
    for side, values in zip(said, (graph.input, graph.output), strict=True):
        assert [one.name for one in side] == [value.name for value in values]
        for one, value in zip(side, values, strict=True):
            kind = value.type.tensor_type
            assert onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name == one.dtype
            sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
            assert len(sizes) == len(one.axes), one
            pairs = zip(
                sizes, one.axes, strict=True
            )  # what a state is next may have one size, as a first one may not
            assert all(isinstance(axis, str) or size in (None, axis) for size, axis in pairs), (one, sizes)
    session = open_session(path, ("cpu",), 1)
    given = session.run(None, example(manifest))
    for one, array in zip(said[1], given, strict=True):
        assert (array.dtype, fits(array.shape, one)) == (np.dtype(one.dtype), True), (one, array.shape)


def fits(shape: tuple[int, ...], said: Tensor) -> bool:
    sizes = zip(shape, said.axes, strict=True)
    return len(shape) == len(said.axes) and all(isinstance(axis, str) or axis == size for size, axis in sizes)
