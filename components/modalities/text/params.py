"""Keys of section `task` that texts add: none."""

from components.params.base import Section


class TextParams(Section):
    """Texts have no keys of their own."""
