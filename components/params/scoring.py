"""A batch job: what is scored, by which release, and where the rows go. It is given by command, not by params.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from components.errors import ParamsError
from components.params.base import Address
from components.params.inputs import InputParams
from components.params.wording import explain

SHARD = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")
CHAMPION = "champion"


def read_shard(text: object) -> object:
    """`3/8` → (3, 8)."""
    if not isinstance(text, str):
        return text
    found = SHARD.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(f"{text!r} is not of the form NUMBER/OF, such as 3/8")
    return int(found[1]), int(found[2])


class Job(InputParams):
    """The inputs, and:

    Attributes:
        output: a folder.
        alias, version, bundle: which release; one of them at most. None of them: the alias `champion`.
        digest: of the bundle, SHA-256, as it was when it was trusted.
        shard: (number from 1, of how many).
        rows: of one output file.
        embeddings: whether each row holds what the model's head sees of the input.
    """

    input: Address
    output: str
    alias: str | None = None
    version: int | None = Field(default=None, ge=1)
    bundle: str | None = None
    digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    shard: Annotated[tuple[int, int], BeforeValidator(read_shard)] = (1, 1)
    rows: int = Field(default=1024, ge=1, le=1_000_000)
    embeddings: bool = False

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        given = [name for name in ("alias", "version", "bundle") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other")
        if self.digest is not None and self.bundle is None:
            raise ValueError("digest is of a bundle; versions have theirs in the registry")
        if "://" in self.output:
            raise ValueError(
                f"output {self.output!r} is no folder: rows are written to a folder; for an object store, copy it, or "
                "set `publish` of the scheduled scoring (docs/operate.md)"
            )
        return self


def read_job(values: Mapping[str, object]) -> Job:
    """The checked job; a ParamsError that lists every mistake otherwise. What is None counts as not given."""
    try:
        return Job.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        lines = [line if ": " in line else f"the job: {line}" for line in explain(error, Job)]
        raise ParamsError(f"The job cannot be run: {'; '.join(lines)}.", "Nothing was scored.") from None
