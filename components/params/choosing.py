"""Keys of params.yaml that choose a plug-in, and sections whose further keys are those of what they choose."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import (
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from components.errors import nearest
from components.params import plugins
from components.params.base import OVERLOOKED, Section, keys_of
from components.params.wording import mistakes

Options = TypeVar("Options", bound=Section)


@dataclass(frozen=True)
class Named:
    """Of a key: its value is the name of a plug-in.

    Attributes:
        room: or table, as `plugins.names` takes it.
        optional: `none` is allowed, too.
        otherwise: what to say, beside the allowed names, of a name that is none of them.
    """

    room: str
    optional: bool = False
    otherwise: Callable[[str], str] | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        return (*((plugins.NONE,) if self.optional else ()), *plugins.names(self.room))

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Names are looked up when a value is looked at: rooms lie above parameters."""
        return core_schema.no_info_plain_validator_function(self._known)

    def _known(self, name: object) -> object:
        if name in self.allowed:
            return name
        *most, last = map(repr, self.allowed)
        about = {"expected": f"{', '.join(most)} or {last}", "otherwise": ""}
        if self.otherwise is not None and isinstance(name, str):
            about["otherwise"] = self.otherwise(name)
        raise PydanticCustomError("literal_error", "{expected}", about)


class Choosing(Section):
    """A section whose further keys are those of the plug-ins that it chooses, which declare them in their `Params`."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="wrap")
    @classmethod
    def _declared(cls, values: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """All that is wrong with its own keys and with further ones, at once."""
        values = cls.plain(values)
        wrong = list(cls._wrong(values)) if isinstance(values, dict) else []
        try:
            made = handler(values)
        except ValidationError as error:
            wrong = [*map(_again, error.errors(include_url=False)), *wrong]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return made

    @classmethod
    def _wrong(cls, values: Mapping[str, object]) -> Iterator[InitErrorDetails]:
        own, kinds = keys_of(cls), cls.kinds(values)
        known = sorted({*own, *(key for kind in kinds for key in keys_of(kind))})
        # A key may be of a plug-in whose name is wrong.
        for key, value in values.items() if None not in cls.named(values).values() else ():
            if isinstance(key, str) and key not in known:
                unknown = PydanticCustomError(
                    "extra_forbidden", "Extra inputs are not permitted", {"allowed": known}
                )
                yield InitErrorDetails(type=unknown, loc=(key,), input=value)
        for kind in kinds:
            try:
                kind.model_validate({key: value for key, value in values.items() if key in keys_of(kind)})
            except ValidationError as error:
                yield from map(_again, mistakes(error.errors(include_url=False), kind))

    @classmethod
    def plain(cls, values: object) -> object:
        """What is written, with each key by its own name."""
        return values

    def options(self, kind: type[Options]) -> Options:
        """The keys of a plug-in that is chosen, e.g. ClassificationParams."""
        keys = keys_of(kind)
        return kind.model_validate({k: v for k, v in (self.model_extra or {}).items() if k in keys})

    @classmethod
    def kinds(cls, values: Mapping[str, object]) -> tuple[type[Section], ...]:
        """The `Params` of the plug-ins that are chosen. ValueError where two of them mean different things by a key."""
        taken = dict.fromkeys(keys_of(cls), "the section itself") | dict.fromkeys(
            OVERLOOKED, "DVC's run cache"
        )
        owners: dict[str, tuple[str, FieldInfo]] = {}
        made, named = [], cls.named(values)
        for key, room in cls.choices():
            name = named[key]
            if name is None or name == plugins.NONE:
                continue
            kind, owner = plugins.options(room, name), f"{key} {name!r}"
            for option, field in keys_of(kind).items():
                first, known = owners.setdefault(option, (owner, field))
                other = taken.get(option) or (None if _alike(known, field, option in values) else first)
                if other is not None:
                    raise ValueError(
                        f"{owner} brings the key {option!r}, which {other} uses, too: its package must rename it"
                    )
            made.append(kind)
        return tuple(made)

    @classmethod
    def named(cls, values: Mapping[str, object]) -> dict[str, str | None]:
        """Key that chooses a plug-in → the name that it has, or probably means; none where no name is like it."""
        found = {}
        for key, room in cls.choices():
            name = str(values.get(key, keys_of(cls)[key].default))
            known = (plugins.NONE, *plugins.names(room))
            found[key] = name if name in known else nearest(name, known)
        return found

    @classmethod
    def choices(cls) -> Iterator[tuple[str, str]]:
        """Each key that chooses a plug-in, with its room or table."""
        for key, field in keys_of(cls).items():
            yield from ((key, rule.room) for rule in field.metadata if isinstance(rule, Named))


def _alike(one: FieldInfo, other: FieldInfo, written: bool) -> bool:
    """Whether a key of two plug-ins is one: a problem may ask for a modality's, with the same type and bounds."""
    same = (one.annotation, one.metadata) == (other.annotation, other.metadata)
    return same and (written or one.default == other.default)


def _again(item: Any) -> InitErrorDetails:  # pydantic types its error details so
    """An error as it was, whatever its type: by their names only pydantic's own types can be raised."""
    said = PydanticCustomError(item["type"], "{said}", {**item.get("ctx", {}), "said": item["msg"]})
    return InitErrorDetails(type=said, loc=item["loc"], input=item["input"])
