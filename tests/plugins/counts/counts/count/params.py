"""Keys of section `task` that counts add."""

from pydantic import Field

from components.params.base import Section


class CountParams(Section):
    """
    Attributes:
        most: a larger count is a mistake in the data.
    """

    most: int = Field(default=10_000, ge=1)
