"""What a release promises to those who call it: what goes in, what comes out, and what the numbers mean.

The manifest says it, the ONNX file says it once more in its own metadata, and its digest is kept with the registered
model and with the reference of monitoring: a class order that changed on the way is noticed wherever it happened.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import onnx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.errors import StorageError
from components.storage.publish import sha256_bytes
from components.tasks.base import Signature

FILES = {"fp32": "model.onnx", "int8": "model.int8.onnx", "fp16": "model.fp16.onnx"}
TERMS = ("task", "input", "classes", "positive", "threshold")
AGAIN = "Run: dvc repro -f export_onnx. Of a bundle from elsewhere: ask for a whole one."
Name = Annotated[str, Field(min_length=1, max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Listed(_Part):
    """A file of the bundle."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Input(_Part):
    """The graph's one input: a name where the size of an axis varies."""

    name: Name
    type: Name
    shape: list[int | str] = Field(min_length=1, max_length=8)


class Contract(_Part):
    """The part of manifest.json that a caller relies on, and the files that keep it.

    Attributes:
        positive: the class that the threshold is for; None: the most probable class wins.
    """

    task: dict[str, object]
    input: Input
    classes: list[Name] = Field(min_length=2, max_length=100_000)
    positive: str | None = None
    threshold: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    released: Literal["fp32", "int8", "fp16"]
    files: dict[str, Listed]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Contract":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is named twice")
        if self.positive is not None and self.positive not in self.classes:
            raise ValueError(f"positive is {self.positive!r}, which is no class")
        if FILES[self.released] not in self.files:
            raise ValueError(f"{self.released} is released, but {FILES[self.released]} is not listed")
        return self

    @property
    def sha256(self) -> str:
        """Of what a caller relies on: the same for all variants and all weights of one contract."""
        return sha256_bytes(_canonical({name: getattr(self, name) for name in TERMS}))


def read_contract(manifest: Mapping[str, object], place: Path) -> Contract:
    """Raises StorageError that names the first key that is missing, of another type, or out of range."""
    try:
        return Contract.model_validate(dict(manifest))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise StorageError(f"{place} keeps no contract: {key}: {first['msg']}.", AGAIN) from None


def check_model(model: onnx.ModelProto, contract: Contract, signature: Signature, place: Path) -> None:
    """The ONNX file takes and gives what the manifest says, and says the same of itself.

    Raises StorageError that names what differs.
    """
    takes = contract.input
    wanted = (signature.name, signature.dtype, list(signature.axes))
    if (takes.name, takes.type, takes.shape) != wanted:
        raise _other(place, f"the manifest's input is {takes.name} {takes.type} {takes.shape}, not {wanted}")
    given = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in given]
    if [value.name for value in inputs] != [takes.name]:
        raise _other(place, f"its inputs are {', '.join(value.name for value in inputs)}, not {takes.name}")
    kind = onnx.helper.tensor_dtype_to_np_dtype(inputs[0].type.tensor_type.elem_type).name
    if kind != takes.type:
        raise _other(place, f"it takes {kind}, the manifest says {takes.type}")
    dims = model.graph.output[0].type.tensor_type.shape.dim if model.graph.output else []
    if len(model.graph.output) != 1 or len(dims) != 2:
        raise _other(place, "it does not give one table (batch, classes)")
    if dims[1].HasField("dim_value") and dims[1].dim_value != len(contract.classes):
        raise _other(
            place, f"it gives {dims[1].dim_value} classes, the manifest names {len(contract.classes)}"
        )
    _check_metadata(model, contract, place)


def _check_metadata(model: onnx.ModelProto, contract: Contract, place: Path) -> None:
    said = {prop.key: prop.value for prop in model.metadata_props}
    for name in TERMS:
        value = getattr(contract, name)
        plain = value.model_dump() if isinstance(value, BaseModel) else value
        if name in said and _canonical(json.loads(said[name])) != _canonical(plain):
            raise _other(place, f"its {name} is {said[name]}, the manifest says {json.dumps(plain)}")


def _other(place: Path, what: str) -> StorageError:
    return StorageError(f"{place} is not what its manifest promises: {what}.", AGAIN)


def _canonical(value: object) -> bytes:
    def plain(part: object) -> object:
        return part.model_dump() if isinstance(part, BaseModel) else str(part)

    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain).encode()
