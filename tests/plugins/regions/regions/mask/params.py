"""Keys of section `task` that masks add."""

from pydantic import Field

from components.params.base import Section


class MaskParams(Section):
    """
    Attributes:
        regions: names of the classes, in the order of their digits in a label.
    """

    regions: tuple[str, ...] = Field(default=("ground", "disc", "bar"), min_length=2, max_length=10)
