"""What all sections share."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict
from pydantic.fields import FieldInfo

# DVC's run cache takes them for facts about files, wherever they stand: results of another value would come back.
OVERLOOKED = ("size", "nfiles")
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


def _compared(name: str) -> str:
    if name in OVERLOOKED:
        raise ValueError(
            f"{name!r} is not allowed: DVC's run cache overlooks keys of that name and would bring back results of "
            "another value; rename it in the data"
        )
    return name


# A class or a number of the data, where it is a key.
Name = Annotated[str, AfterValidator(_compared)]
Address = Annotated[str, AfterValidator(_without_secrets)]


class Section(BaseModel):
    """A frozen part of params.yaml that knows its keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, allow_inf_nan=False, serialize_by_alias=True
    )


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Its keys as a file writes them: `class`, which no attribute may be named, is an alias, and may have others."""
    return {key: field for name, field in model.model_fields.items() for key in _keys(name, field)}


def _keys(name: str, field: FieldInfo) -> tuple[str, ...]:
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(key for key in field.validation_alias.choices if isinstance(key, str))
    return (field.alias or name,)
