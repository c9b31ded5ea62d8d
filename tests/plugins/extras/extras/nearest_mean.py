"""Head `nearest_mean`: what `check` reads of it."""

from typing import Annotated

from pydantic import Field

from components.choices import Choice
from components.params.base import Section

CHOICE = Choice("extras.nearest_mean_head:NearestMean", needs=("class_outputs",))


class Params(Section):
    """Attributes:
    temperatures: candidates: the lower, the surer the answers.
    """

    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.01, 0.1, 1.0), min_length=1)
