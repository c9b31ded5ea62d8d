"""What a command reads: a folder, a table, or the objects below a prefix."""

from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from components.params.base import Address, Section
from components.params.tables import Separator, check_written


def read_header(text: object) -> object:
    """`path,label` → (path, label)."""
    return tuple(name.strip() for name in text.split(",")) if isinstance(text, str) else text


class InputParams(Section):
    """Attributes:
    input: a folder, a table (docs/tables.md), or `s3://BUCKET/PREFIX`; none only where a command needs none.
    path, content, id: columns of the table; see components.inference.manifests.Columns.
    files: folder in which the table's paths lie; its own by default.
    separator, header: of the table; see `data.labels` in params.yaml.
    """

    input: Address | None = None
    path: str | None = None
    content: str | None = None
    id: str | None = None
    files: str | None = None
    separator: Separator | None = None
    header: Annotated[tuple[str, ...], BeforeValidator(read_header)] = ()

    @model_validator(mode="after")
    def _as_written(self) -> Self:
        if self.path is not None and self.content is not None:
            raise ValueError("path and content exclude each other")
        if self.input is not None:
            check_written(self.input, self.separator, self.header)
        return self
