"""What is measured of a series, beside what the network makes of it."""

from collections.abc import Mapping

from components.modalities.base import Modality, Sample


def describe(modality: Modality, sample: Sample) -> Mapping[str, float]:
    """Of bytes (n,): how many there are."""
    return {"bytes": float(len(sample))}
