"""What is measured of a text, beside what the network makes of it."""

from collections.abc import Mapping

from components.modalities.base import Modality, Sample

NAMES = ("tokens", "unknown", "pieces a word")
UNKNOWN = "[UNK]"


def describe(modality: Modality, sample: Sample) -> Mapping[str, float]:
    """Of token ids (tokens,): how many there are, marks and padding aside; the share that the
    vocabulary does not know; and into how many pieces a word falls, which rises with foreign words.
    """
    pieces = [piece for piece in modality.words(sample) if piece]
    count = max(len(pieces), 1)
    starts = sum(piece.startswith(" ") for piece in pieces)
    unknown = sum(piece.strip() == UNKNOWN for piece in pieces)
    values = (len(pieces), unknown / count, len(pieces) / max(starts, 1))
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}
