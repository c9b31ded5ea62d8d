"""What of a description of targets outlives the samples that it was made of."""

from collections.abc import Mapping
from typing import Any

from components.problems.base import Description


def lasting(description: Description, *without: str) -> Mapping[str, Any]:
    """What a description says whatever its training samples are, `without` some of its keys."""
    return {key: value for key, value in description.items() if key not in ("statistics", *without)}
