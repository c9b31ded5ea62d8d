"""What all sections share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of params.yaml that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)
