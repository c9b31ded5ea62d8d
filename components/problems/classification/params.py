"""Keys of section `task` that classification adds."""

from components.params.base import Section


class ClassificationParams(Section):
    """
    Attributes:
        positive: the class whose probability the decision threshold looks at (two classes only).
    """

    positive: str | None = None
