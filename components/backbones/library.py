"""What the networks of all libraries share: files beside the weights, and their refusal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.errors import CheckpointError
from components.params.backbone import ImageSpec

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SHOWN = 5


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object. CheckpointError where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path.name} holds no object.")
    return found


def image_spec(file: str, size: object, mean: object, std: object, scale: object) -> ImageSpec:
    """Mean and deviation of pixels that were multiplied by `scale`; CheckpointError for what are no such numbers."""
    if isinstance(size, int) and isinstance(scale, int | float) and scale > 0:
        by = [_three(numbers, scale) for numbers in (mean, std)]
        if by[0] is not None and by[1] is not None and min(by[1]) > 0:
            return ImageSpec(size, by[0], by[1])
    raise CheckpointError(f"{file} does not say how large images are, or their mean and deviation.")


def _three(numbers: object, scale: float) -> tuple[float, float, float] | None:
    if (
        isinstance(numbers, list | tuple)
        and len(numbers) == 3
        and all(isinstance(n, int | float) for n in numbers)
    ):
        red, green, blue = (round(n / scale, 6) for n in numbers)
        return red, green, blue
    return None


def refuse(wrong: Sequence[str]) -> None:
    """Raise CheckpointError with the first of the tensors that do not fit; nothing where all do."""
    if wrong:
        more = f" … and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise CheckpointError(
            f"The weights are not of the network in {CONFIG}: {'; '.join(wrong[:SHOWN])}{more}.",
            "Take both files from one place.",
        )


def first_line(error: Exception) -> str:
    """What a person should read of a library's error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
