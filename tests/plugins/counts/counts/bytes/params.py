"""Keys of section `task` that arrays of bytes add."""

from dataclasses import dataclass

from pydantic import Field

from components.params.backbone import InputSpec
from components.params.base import Section


class BytesParams(Section):
    """
    Attributes:
        length: bytes of a sample.
    """

    length: int = Field(default=16, ge=2, le=1024)


@dataclass(frozen=True)
class BytesSpec(InputSpec):
    """What a backbone of bytes wants to see: `size` numbers from -1 to 1."""
