"""Keys of section `task` that images add."""

from pydantic import Field

from components.params.base import Section


class ImageParams(Section):
    """
    Attributes:
        bits: of images in 16-bit grey: how many of the bits are used, 12 for most cameras and scanners; none: 16.
    """

    bits: int | None = Field(default=None, ge=8, le=16)
