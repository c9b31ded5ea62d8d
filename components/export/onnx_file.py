"""From a torch module to one self-contained ONNX file without traces of the machine that made it."""

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim

from components.errors import ExportError

OPSET = 20


def export_module(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
    opset: int = OPSET,
) -> bytes:
    """The module as ONNX bytes; equal modules give equal bytes. A part of it with operators of its own says by its
    attribute `translations` what they are in ONNX (torch.onnx.export: custom_translation_table).

    Args:
        example: one tensor an input; axes that are not in `dynamic` are fixed to its shape.
        dynamic: input name → axis → name, e.g. {"image": {0: "batch"}}. Axes of one name are equal.

    Raises:
        ExportError: the module cannot be expressed in ONNX, or the file does not pass ONNX's checker.
    """
    names = {name for axes in dynamic.values() for name in axes.values()}
    dims = {name: Dim(name) for name in names}
    shapes: tuple[Any, ...] = tuple(
        {axis: dims[name] for axis, name in dynamic.get(i, {}).items()} for i in inputs
    )
    kinds = [one.kind for one in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:  # what it takes together, torch.export wants together
        first = kinds.index(inspect.Parameter.VAR_POSITIONAL)
        shapes = (*shapes[:first], shapes[first:])
    try:
        with _quiet(), torch.inference_mode():
            program = torch.onnx.export(
                module.eval(),
                example,
                dynamo=True,
                opset_version=opset,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=shapes if names else None,
                custom_translation_table=_translations(module) or None,
                verbose=False,
            )
    except Exception as error:
        raise ExportError(f"The network cannot be written as ONNX: {str(error).splitlines()[0]}") from error
    assert program is not None
    _check_axes(program.model_proto, dynamic)
    return finish(program.model_proto)


def _check_axes(model: onnx.ModelProto, dynamic: Mapping[str, Mapping[int, str]]) -> None:
    """ExportError where the network has fixed an axis that must vary: `len` of a tensor does, its `shape` does not."""
    for value in model.graph.input:
        for axis, name in dynamic.get(value.name, {}).items():
            dim = value.type.tensor_type.shape.dim[axis]
            if dim.HasField("dim_value"):
                raise ExportError(
                    f"The network fixes the axis {name!r} of its input {value.name!r} to {dim.dim_value}.",
                    "Take sizes from a tensor's shape, not from len() or a constant.",
                )


def _translations(module: nn.Module) -> dict[Callable[..., object], Callable[..., object]]:
    """How operators that are not torch's are said in ONNX: what parts of the module have as `translations`."""
    found = (getattr(part, "translations", {}) for part in module.modules())
    return {operator: written for some in found for operator, written in some.items()}


def finish(model: onnx.ModelProto, metadata: Mapping[str, str] | None = None) -> bytes:
    """Strip traces, set metadata, check, serialise."""
    strip(model)
    del model.metadata_props[:]
    for key in sorted(metadata or {}):
        model.metadata_props.add(key=key, value=(metadata or {})[key])
    model.producer_name, model.producer_version = "graftline", ""
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"The exported file is not valid ONNX: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def strip(model: onnx.ModelProto) -> None:
    """Remove source paths, stack traces and doc strings: torch writes them into every node."""
    model.doc_string = ""
    _strip_graph(model.graph)
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            _strip_node(node)


def _strip_graph(graph: onnx.GraphProto) -> None:
    graph.doc_string = ""
    del graph.metadata_props[:]
    for value in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        value.doc_string = ""
        del value.metadata_props[:]
    for node in graph.node:
        _strip_node(node)


def _strip_node(node: onnx.NodeProto) -> None:
    node.doc_string = ""
    del node.metadata_props[:]
    for attribute in node.attribute:
        attribute.doc_string = ""
        if attribute.HasField("g"):
            _strip_graph(attribute.g)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter narrates its steps, and warns of torchvision, which nobody here needs."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)
