"""Keys of section `task` that regression adds."""

from typing import Literal

from pydantic import Field, field_validator

from components.params.base import Section


class RegressionParams(Section):
    """
    Attributes:
        unit: what the numbers are measured in, for people.
        range: least and greatest number that can occur, of all numbers alike; predictions are kept within.
        loss: what training minimises: `mse`, `mae`, `huber` (in standard deviations of the targets, delta 1), or
            `quantile`, which learns the ends of the prediction intervals, too.
        coverage: share of new samples whose number lies within its prediction interval.
    """

    unit: str | None = Field(default=None, min_length=1, max_length=40)
    range: tuple[float, float] | None = None
    loss: Literal["mse", "mae", "huber", "quantile"] = "mse"
    coverage: float = Field(default=0.9, ge=0.5, lt=1)

    @field_validator("range")
    @classmethod
    def _rises(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and not ends[0] < ends[1]:
            raise ValueError("the least number must be below the greatest")
        return ends
