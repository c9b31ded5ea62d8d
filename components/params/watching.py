"""One look at a window: what is compared with which version's reference. It is given by command, not by params.yaml."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from components.errors import ParamsError
from components.params.base import Address, Section
from components.params.scoring import CHAMPION, Job, read_header
from components.params.tables import Separator
from components.params.wording import explain


class Look(Section):
    """Attributes:
    scored: folder that `flows.score` wrote; it says which version answered.
    input: where the samples themselves lie, as `flows.score` takes it; with `scored`, what was scored.
    alias, version: which version, where nothing was scored. None of them: the alias `champion`.
    path, content, id, files, separator, header: of a table; see components.params.scoring.Job.
    labels: a table with the columns `id` and `label`, of as many samples as are known by now.
    """

    scored: str | None = None
    input: Address | None = None
    alias: str | None = None
    version: int | None = Field(default=None, ge=1)
    path: str | None = None
    content: str | None = None
    id: str | None = None
    files: str | None = None
    separator: Separator | None = None
    header: Annotated[tuple[str, ...], BeforeValidator(read_header)] = ()
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
    def job(self) -> Job:
        """The job whose inputs are looked at."""
        assert self.input is not None
        keys = ("path", "content", "id", "files", "separator", "header")
        given = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        return Job.model_validate({"input": self.input, "output": "unused", **given})

    @property
    def chosen(self) -> tuple[str | None, str]:
        """(version, alias) to look for."""
        return None if self.version is None else str(self.version), self.alias or CHAMPION


def read_look(values: Mapping[str, object]) -> Look:
    """The checked look; a ParamsError that lists every mistake otherwise. What is None counts as not given."""
    try:
        look = Look.model_validate({key: value for key, value in values.items() if value is not None})
        if look.input is not None:
            _ = look.job
    except ValidationError as error:
        lines = explain(error, Look)
        raise ParamsError(f"Nothing can be looked at: {'; '.join(lines)}.") from None
    return look
