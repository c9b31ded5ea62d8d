"""What all sections share."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetPydanticSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError, core_schema

from components.params.paths import on_this_machine

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
Address = Annotated[str, AfterValidator(on_this_machine), AfterValidator(_without_secrets)]


def _whole(value: object) -> object:
    if isinstance(value, str | bool):
        raise PydanticKnownError("int_type")
    return value


def _exact(schema: Any) -> Any:
    """pydantic's schema, by which `"yes"` and 1 are no booleans, and neither `"5"` nor true is a number; 5.0 is 5."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_exact, schema))
    if not isinstance(schema, dict):
        return schema
    match schema.get("type"):
        case "bool" | "float":
            return {**schema, "strict": True}
        case "int":
            return core_schema.no_info_before_validator_function(_whole, schema)
        case "function-before" if schema["function"]["function"] is _whole:
            return schema
    return {key: value if key == "metadata" else _exact(value) for key, value in schema.items()}


# Annotated to a type: values that are no member of a section are held to the same.
EXACT = GetPydanticSchema(lambda source, handler: _exact(handler(source)))


class Section(BaseModel):
    """A frozen part of params.yaml that knows its keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, allow_inf_nan=False, serialize_by_alias=True
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema: core_schema.CoreSchema = _exact(handler(source))
        return schema


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Its keys as a file writes them: `class`, which no attribute may be named, is an alias, and may have others."""
    return {key: field for name, field in model.model_fields.items() for key in _keys(name, field)}


def _keys(name: str, field: FieldInfo) -> tuple[str, ...]:
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(key for key in field.validation_alias.choices if isinstance(key, str))
    return (field.alias or name,)
