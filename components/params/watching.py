"""One look at a window: what is compared with which version's reference. It is given by command, not by params.yaml."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field, ValidationError, model_validator

from components.errors import ParamsError
from components.params.inputs import InputParams
from components.params.scoring import CHAMPION
from components.params.wording import explain


class Look(InputParams):
    """The inputs, as `flows.score` takes them (with `scored`, those that were scored), and:

    Attributes:
        scored: folder that `flows.score` wrote; it says which version answered.
        alias, version: which version, where nothing was scored. None of them: the alias `champion`.
        labels: a table with the columns `id` and `label`, of as many samples as are known by now.
    """

    scored: str | None = None
    alias: str | None = None
    version: int | None = Field(default=None, ge=1)
    labels: str | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.scored is None and self.input is None:
            raise ValueError("there is nothing to look at: give --scored, an input, or both")
        if self.alias is not None and self.version is not None:
            raise ValueError("alias and version exclude each other")
        if self.scored is not None and (self.alias or self.version):
            raise ValueError("what was scored says which version answered: leave --alias and --version out")
        return self

    @property
    def chosen(self) -> tuple[str | None, str]:
        """(version, alias) to look for."""
        return None if self.version is None else str(self.version), self.alias or CHAMPION


def read_look(values: Mapping[str, object]) -> Look:
    """The checked look; a ParamsError that lists every mistake otherwise. What is None counts as not given."""
    try:
        return Look.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        lines = explain(error, Look)
        raise ParamsError(f"Nothing can be looked at: {'; '.join(lines)}.") from None
