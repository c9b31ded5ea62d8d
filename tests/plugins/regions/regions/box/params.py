"""Keys of section `task` that boxes add."""

from pydantic import Field

from components.params.base import Section


class BoxParams(Section):
    """
    Attributes:
        things: names of what boxes are around, in the order of their numbers in a label.
        most: boxes that are told of an image.
    """

    things: tuple[str, ...] = Field(default=("disc", "bar"), min_length=1)
    most: int = Field(default=8, ge=1, le=64)
