"""Sections `task` and `augment`: what kind of samples, and how training varies them."""

from typing import Literal

from pydantic import Field

from components.params.base import Section


class AugmentParams(Section):
    """Views of a training sample; view 0 is the sample itself.

    Attributes:
        views: how many, the clean one included.
        shift: largest translation, as a share of the side.
        brightness, contrast: largest relative change.
    """

    views: int = Field(default=4, ge=1, le=64)
    flips: bool = True
    quarter_turns: bool = False
    shift: float = Field(default=0.05, ge=0, le=0.5)
    brightness: float = Field(default=0.1, ge=0, lt=1)
    contrast: float = Field(default=0.1, ge=0, lt=1)


class TaskParams(Section):
    """`positive`: the class whose probability the decision threshold looks at (two classes only)."""

    name: Literal["image_classification"] = "image_classification"
    positive: str | None = None
    size: int | None = Field(default=None, ge=32, le=1024)
