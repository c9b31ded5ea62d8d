"""In which number format the matrix products of training run; weights stay float32."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def resolve(wanted: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """`auto` from what the processor says it can do, never from a timing: equal machines choose equally.

    CPU: bf16 with AMX tiles only. With AVX512-BF16 alone, training EfficientNet-Lite0's last 5 blocks was
    slower in bf16 than in fp32 (both channels-last): the backward pass of depthwise convolutions.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if "amx_bf16" in cpu_flags() else "fp32"


def cpu_flags(source: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What Linux lists; nothing elsewhere."""
    try:
        lines = source.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":")[1] for line in lines if line.startswith("flags")), "").split())


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
