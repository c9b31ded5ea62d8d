"""Keys of section `task` that spellings add."""

from pydantic import Field

from components.params.base import Section


class SpellingParams(Section):
    """
    Attributes:
        letters: of which texts consist.
        most: steps of a text: its letters, and one that ends it.
    """

    letters: str = Field(default="abc", min_length=1, max_length=26)
    most: int = Field(default=5, ge=2, le=100)
