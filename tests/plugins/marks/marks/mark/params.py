"""Keys of section `task` that marks add."""

from pydantic import Field

from components.params.base import Section


class MarkParams(Section):
    """
    Attributes:
        length: positions of a row, as the modality has them.
    """

    length: int = Field(default=32, ge=2, le=1024)
