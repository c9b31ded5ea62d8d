"""Frozen layers as ONNX, exported once a worker: that takes seconds, and equal modules give equal bytes.

That they do is proved in tests/unit/export.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from torch import Tensor, nn

from components.export.onnx_file import export_module
from components.stages import frozen

OWN = frozenset(vars(nn.Module()))  # what every module has: its tensors and parts are read by their names


@contextmanager
def exported_once() -> Iterator[None]:
    """Stages get the bytes of an earlier export where module, example and names are the same."""
    known: dict[str, bytes] = {}
    kept: list[nn.Module] = []  # what a key tells by its address must stay there

    def export(
        module: nn.Module,
        example: tuple[Tensor, ...],
        inputs: Sequence[str],
        outputs: Sequence[str],
        dynamic: Mapping[str, Mapping[int, str]],
    ) -> bytes:
        axes = {name: dict(axes) for name, axes in dynamic.items()}
        key = f"{digest(module)} {_shapes(example)} {inputs} {outputs} {axes}"
        if key not in known:
            known[key] = export_module(module, example, inputs, outputs, dynamic)
            kept.append(module)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frozen, "export_module", export)
        yield


def _shapes(tensors: Sequence[Tensor]) -> list[str]:
    return [f"{tuple(tensor.shape)} {tensor.dtype}" for tensor in tensors]


def digest(module: nn.Module) -> str:
    """Of every tensor, and of every other attribute of every part."""
    made = hashlib.sha256(repr(module).encode())
    for name, part in module.named_modules():
        plain = {key: value for key, value in sorted(vars(part).items()) if key not in OWN}
        made.update(f"{name} {type(part)} {plain}".encode())
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        made.update(f"{name} {_shapes([tensor])}".encode() + tensor.detach().contiguous().numpy().tobytes())
    return made.hexdigest()
