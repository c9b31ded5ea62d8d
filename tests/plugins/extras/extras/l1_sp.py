"""`objectives.keep: l1_sp`: what `check` reads of it."""

from pydantic import Field

from components.choices import Choice
from components.params.base import Section

CHOICE = Choice("extras.l1_sp_objective:L1SP")


class Params(Section):
    """Attributes:
    new_share: how much weights that are new count beside those that the network brings.
    """

    new_share: float = Field(default=0.1, ge=0, le=1)
