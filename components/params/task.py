"""Sections `task` and `augment`: what kind of samples, and how training varies them."""

from pydantic import Field

from components.params import names
from components.params.base import Section


class AugmentParams(Section):
    """Views of a training sample; view 0 is the sample itself.

    Attributes:
        views: how many, the clean one included.
        flips, quarter_turns: of images.
        shift: of images: largest translation, as a share of the side.
        brightness, contrast: of images: largest relative change.
        word_dropout: of texts: share of the tokens that are hidden.
    """

    views: int = Field(default=4, ge=1, le=64)
    flips: bool = True
    quarter_turns: bool = False
    shift: float = Field(default=0.05, ge=0, le=0.5)
    brightness: float = Field(default=0.1, ge=0, lt=1)
    contrast: float = Field(default=0.1, ge=0, lt=1)
    word_dropout: float = Field(default=0.1, ge=0, lt=1)


class TaskParams(Section):
    """The task family, and how much of a sample the backbone sees.

    Attributes:
        positive: the class whose probability the decision threshold looks at (two classes only).
        input_size: side of an image in pixels, or tokens of a text; none: what the backbone was trained with.
        bits: of images in 16-bit grey: how many of the bits are used, 12 for most cameras and scanners; none: 16.
    """

    name: names.Task = "image_classification"
    positive: str | None = None
    input_size: int | None = Field(default=None, ge=16, le=1024)
    bits: int | None = Field(default=None, ge=8, le=16)
