"""Keys of section `task` that multi-label classification adds."""

from pydantic import Field, field_validator, model_validator

from components.params.base import Section
from components.params.data import Labels

NOTHING = "none"  # how a table of later labels says that a sample has no label, where task.none does not


class MultiLabelParams(Section):
    """
    Attributes:
        separator: between the labels in one cell. With a column for each label, labels that come later are written so
            (`flows.monitor --labels`). No label may hold it.
        labels: all labels, in the order in which they are reported; none: those that occur, sorted.
        none: how a cell says that a sample has none of the labels, which is not the same as being unlabelled; `""` for
            an empty cell. With a column for each label, zeros say so.
    """

    separator: str = Field(default="|", min_length=1)
    labels: tuple[str, ...] = ()
    none: str | None = None

    @field_validator("separator", "none")
    @classmethod
    def _as_in_a_cell(cls, value: str | None) -> str | None:
        """White space around a cell does not count, so none can be asked for."""
        if value is not None and value != value.strip() and value.strip():
            raise ValueError(f"{value!r} has white space around it, which cells are read without")
        return value

    @model_validator(mode="after")
    def _apart(self) -> "MultiLabelParams":
        bad = [name for name in self.labels if not name.strip() or name != name.strip()]
        if bad:
            raise ValueError(f"labels holds {bad[0]!r}; a label is a text without white space around it")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels names {_twice(self.labels)!r} twice")
        if self.none is not None and self.none in self.labels:
            raise ValueError(f"none is {self.none!r}, which is a label, too")
        if self.none and self.separator in self.none:
            raise ValueError(f"none is {self.none!r}, with the separator {self.separator!r} in it")
        return self


def named(labels: Labels, options: MultiLabelParams) -> tuple[str, ...]:
    """Names of the labels that stand in columns of their own."""
    return options.labels or tuple(labels.classes) or labels.label_columns


def _twice(names: tuple[str, ...]) -> str:
    return next(name for number, name in enumerate(names) if name in names[:number])
