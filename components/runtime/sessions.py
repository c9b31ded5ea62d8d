"""The one place that makes onnxruntime sessions, and proves on which provider they run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from components.errors import ProviderError
from components.runtime.distribution import check_distribution, installed
from components.runtime.watchdog import WATCHDOG

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
TYPES = {
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
Array = npt.NDArray[np.generic]


def open_session(model: bytes | Path, providers: Sequence[str], threads: int) -> ort.InferenceSession:
    """A session whose active provider is the first one named; the others are fallbacks for single nodes.

    Args:
        model: a self-contained ONNX file, or its bytes.
        providers: of `tensorrt`, `cuda`, `cpu`, the required one first.
        threads: cores for one operator.

    Raises:
        ProviderError: the required provider is not active after loading. That it is listed as available
            proves nothing: onnxruntime falls back to the CPU with a log line.
    """
    check_distribution()
    wanted = [PROVIDERS[name] for name in providers]
    if providers[0] != "cpu":
        _load_gpu_libraries(providers[0])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    try:
        session = ort.InferenceSession(source, options, providers=wanted)
    except Exception as error:  # onnxruntime's own exceptions share no base but this one
        raise ProviderError(f"onnxruntime could not load the model: {error}") from None
    active = session.get_providers()[0]
    if active != wanted[0]:
        raise ProviderError(
            f"runtime.providers asks for {providers[0]}, but {active} is active after loading.",
            _remedy(providers[0]),
        )
    return session


def run(
    session: ort.InferenceSession,
    feeds: Mapping[str, Array],
    seconds: float | None = None,
    names: Sequence[str] | None = None,
) -> list[Array]:
    """All outputs, as arrays; on a GPU the inputs are bound, so that they are copied there once.

    Args:
        names: of the outputs that are wanted; what only others need is not computed.
        seconds: how long a model that is not our own may take; raises GraftlineError where it takes longer.
    """
    if feeds and all(value.shape[:1] == (0,) for value in feeds.values()):
        return _nothing(session)
    if seconds is None:
        return _run(session, feeds, _only(session, names), names)
    with WATCHDOG.within(seconds) as options:
        return _run(session, feeds, options, names)


def _only(session: ort.InferenceSession, names: Sequence[str] | None) -> ort.RunOptions | None:
    if names is None or len(names) == len(session.get_outputs()):
        return None
    options = ort.RunOptions()
    options.only_execute_path_to_fetches = True
    return options


def _nothing(session: ort.InferenceSession) -> list[Array]:
    """What an empty batch gives, without the model.

    Where a file names no shapes, onnxruntime 1.31 puts reshapes behind blocked convolutions that cannot take one: in
    fp16 variants that earlier versions made.
    """
    found = []
    for output in session.get_outputs():
        sizes = [size if isinstance(size, int) else 0 for size in output.shape[1:]]
        found.append(np.empty((0, *sizes), dtype=TYPES.get(output.type, "float32")))
    return found


def _run(
    session: ort.InferenceSession,
    feeds: Mapping[str, Array],
    options: ort.RunOptions | None,
    names: Sequence[str] | None = None,
) -> list[Array]:
    if session.get_providers()[0] == PROVIDERS["cpu"]:
        outputs: list[Array] = session.run(names, dict(feeds), options)
        return outputs
    binding = session.io_binding()
    for name, value in feeds.items():
        binding.bind_ortvalue_input(
            name, ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value), "cuda", 0)
        )
    for name in names or [output.name for output in session.get_outputs()]:
        binding.bind_output(name, "cuda")
    session.run_with_iobinding(binding, options)
    bound: list[Array] = binding.copy_outputs_to_cpu()
    return bound


def _load_gpu_libraries(provider: str) -> None:
    """torch brings the CUDA libraries that onnxruntime needs; loading them first spares their paths."""
    import torch

    if not torch.cuda.is_available():
        raise ProviderError(
            f"runtime.providers asks for {provider}, but torch sees no CUDA device.", _remedy(provider)
        )


def _remedy(provider: str) -> str:
    if not installed("onnxruntime-gpu"):
        return "Install the GPU build: make setup RUNTIME=gpu. Or put cpu first in runtime.providers."
    if provider == "tensorrt":
        return "Check that the TensorRT libraries match onnxruntime-gpu. Or put cuda first."
    return "Check driver and CUDA version against onnxruntime-gpu. Or put cpu first in runtime.providers."
