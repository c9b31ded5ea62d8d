"""Keys of section `task` that series add."""

from dataclasses import dataclass

from pydantic import Field

from components.params.backbone import InputSpec
from components.params.base import Section


class SeriesParams(Section):
    """
    Attributes:
        length: bytes of a window.
        stride: bytes from one window's start to the next one's.
    """

    length: int = Field(default=32, ge=2, le=1024)
    stride: int = Field(default=16, ge=1, le=1024)


@dataclass(frozen=True)
class SeriesSpec(InputSpec):
    """What a backbone of series wants to see: `size` numbers from -1 to 1."""
