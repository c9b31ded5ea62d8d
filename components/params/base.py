"""What all sections share."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.fields import FieldInfo

SECRET = re.compile(r"[?&][^=&]*(token|secret|passw|signature|credential|key|sig)[^=&]*=", re.I)


def _without_secrets(address: str) -> str:
    """What stands in params.yaml goes to git, dvc.lock, the release and the registry."""
    if address.startswith("file:"):
        return address  # a `?` there is part of a name, and nobody asks for a password
    if "@" in urlsplit(address).netloc or SECRET.search(address):
        raise ValueError(
            "the address holds a password, a token or a signature, which would end up in git, in dvc.lock and "
            "in the release (it is not repeated here). Put credentials into the environment (s3:, hf:), or "
            "fetch the file yourself and name it by `file:`"
        )
    return address


Address = Annotated[str, AfterValidator(_without_secrets)]


class Section(BaseModel):
    """A frozen part of params.yaml that knows its keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, allow_inf_nan=False, serialize_by_alias=True
    )


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Its keys as a file writes them: `class`, which no attribute may be named, is an alias."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
