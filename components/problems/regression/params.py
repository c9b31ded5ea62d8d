"""Keys of section `task` that regression adds."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from components.params.base import Name, Section


def _rises(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise ValueError("the least number must be below the greatest")
    return ends


Unit = Annotated[str, Field(min_length=1, max_length=40)]
Range = Annotated[tuple[float, float], AfterValidator(_rises)]


class RegressionParams(Section):
    """
    Attributes:
        unit: what the numbers are measured in, for people. Of several numbers one for each, `{width: mm, weight: kg}`;
            one alone is that of every number.
        range: least and greatest number that can occur; predictions are kept within. Of several numbers one for each,
            `{width: [0, 10], weight: [0, 5]}`; one alone is that of every number.
        loss: what training minimises: `mse`, `mae`, `huber` (in standard deviations of the targets, delta 1), or
            `quantile`, which learns the ends of the prediction intervals, too.
        coverage: share of new samples whose number lies within its prediction interval.
    """

    unit: Unit | dict[Name, Unit] | None = None
    range: Range | dict[Name, Range] | None = None
    loss: Literal["mse", "mae", "huber", "quantile"] = "mse"
    coverage: float = Field(default=0.9, ge=0.5, lt=1)

    @field_validator("unit", "range", mode="before")
    @classmethod
    def _by_column(cls, value: object, info: ValidationInfo) -> object:
        """A list of units, or of ranges, does not say which is whose."""
        each = str if info.field_name == "unit" else list
        if not isinstance(value, list) or not value or not all(isinstance(one, each) for one in value):
            return value
        pairs = ", ".join(f"COLUMN: {one}" for one in value)
        raise ValueError(
            f"{value!r} is a list; of several numbers write each with its column of data.labels.label: {{{pairs}}}"
        )

    def unit_of(self, number: str) -> str | None:
        """None where none is declared."""
        return self.unit.get(number) if isinstance(self.unit, dict) else self.unit

    def range_of(self, number: str) -> tuple[float, float] | None:
        """None where none is declared."""
        return self.range.get(number) if isinstance(self.range, dict) else self.range
