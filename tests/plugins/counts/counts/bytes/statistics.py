"""What is measured of an array of bytes, beside what the network makes of it."""

from collections.abc import Mapping

from components.modalities.base import Modality, Sample


def describe(modality: Modality, sample: Sample) -> Mapping[str, float]:
    """Of bytes (length,): their mean."""
    return {"mean byte": float(sample.mean())}
