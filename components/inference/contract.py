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
from components.modalities.base import Modality, Signature
from components.params.task import TaskParams
from components.params.wording import explain
from components.problems import decision
from components.problems.base import Decision
from components.problems.description import lasting
from components.problems.steps import Steps
from components.storage.publish import sha256_bytes

FILES = {"fp32": "model.onnx", "int8": "model.int8.onnx", "fp16": "model.fp16.onnx"}
FORMAT = 2
TERMS = ("task", "input", "output", "columns", "target")
# What releases of format 1, which were classifications all, promised.
TERMS_1 = ("task", "input", "classes", "positive", "threshold")
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


class Output(_Part):
    """The graph's one output: rows of so many numbers, or of arrays with further axes."""

    name: Name
    type: Name
    shape: list[int | str] = Field(min_length=2, max_length=8)


class Outside(_Part):
    """What of a decision lies outside the graph: a caller without our runner must do the same.

    Attributes:
        windows: by what the modality cuts a sample into rows before the graph; after it, the problem merges their
            answers.
        steps: how the graph, which has further named inputs and outputs then, is called step by step
            (components/problems/steps.py).
    """

    windows: dict[str, int] | None = None
    steps: dict[str, object] | None = None


class Contract(_Part):
    """The part of manifest.json that a caller relies on, and the files that keep it.

    Attributes:
        columns: what the numbers of an answer are called.
        target: what describes targets and decisions (classes, unit, range, …).
        decision: what calibration found; a caller relies on the part of it that decides (`promises`).
        runner: what our runner does around the graph; None: the decision lies wholly in the graph's answer.
    """

    format: Literal[1, 2] = 1
    task: dict[str, object]
    input: Input
    output: Output
    columns: list[Name] = Field(min_length=1, max_length=100_000)
    target: dict[str, object]
    decision: dict[str, object]
    runner: Outside | None = None
    released: Literal["fp32", "int8", "fp16"]
    files: dict[str, Listed]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Contract":
        if FILES[self.released] not in self.files:
            raise ValueError(f"{self.released} is released, but {FILES[self.released]} is not listed")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice")
        try:
            columns, axes = self.decides.columns, self.decides.axes
        except (KeyError, TypeError) as error:
            raise ValueError(f"its target or decision lacks {error}") from None
        if list(columns) != self.columns:
            raise ValueError(f"its columns are {self.columns[:5]}, its target asks for {list(columns)[:5]}")
        if self.output.shape[2:] != list(axes):
            raise ValueError(
                f"its output has the axes {self.output.shape[2:]}, its target asks for {list(axes)}"
            )
        return self

    @property
    def task_params(self) -> TaskParams:
        return TaskParams.model_validate(self.task)

    @property
    def steps(self) -> Steps | None:
        """How the release answers in steps; None: at once."""
        return None if self.runner is None or self.runner.steps is None else self.decides.steps

    @property
    def decides(self) -> Decision:
        """ValueError where the description or what was fitted makes no sense."""
        return decision(self.task_params, self.target, self.decision)

    def term(self, name: str) -> object:
        """What the contract says of `name`, one of TERMS or TERMS_1; as plain JSON."""
        if name == "classes":
            return self.target["classes"]
        if name in ("positive", "threshold"):
            return self.decision.get(name)
        value = getattr(self, name)
        return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value

    @property
    def sha256(self) -> str:
        """Of what a caller relies on: the same for all variants and all weights of one contract."""
        if self.format == 1:
            return sha256_bytes(_canonical({name: self.term(name) for name in TERMS_1}))
        terms = {name: self.term(name) for name in TERMS}
        terms["target"] = lasting(self.target)
        if self.runner is not None:
            terms["runner"] = self.term("runner")
        return sha256_bytes(_canonical({**terms, "decides": self.decides.promises}))

    @property
    def terms(self) -> tuple[str, ...]:
        """What the ONNX file says once more; what was fitted, too: a threshold that was changed is noticed."""
        if self.format == 1:
            return TERMS_1
        return (*TERMS, "decision", *(("runner",) if self.runner is not None else ()))


def modern(manifest: Mapping[str, object]) -> dict[str, object]:
    """A manifest of format 1 in the words of format 2: it is a classification's."""
    said = dict(manifest)
    if "format" in said:
        return said
    classes = said.get("classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        return said
    return {
        "format": 1,
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", len(classes)]},
        "columns": [f"p.{name}" for name in classes],
        "target": {"problem": "classification", "classes": classes},
        "decision": {name: said.get(name) for name in ("positive", "threshold")},
        **said,
    }


def read_contract(manifest: Mapping[str, object], place: Path) -> Contract:
    """Raises StorageError that names the first key that is missing, of another type, or out of range."""
    try:
        return Contract.model_validate(modern(manifest))
    except ValidationError as error:
        first = explain(error, Contract)[0]
        raise StorageError(f"{place} keeps no contract: {first}.", AGAIN) from None


def check_runner(contract: Contract, modality: Modality, place: Path) -> None:
    """Samples are cut here, and steps are taken, as the release says. Raises StorageError."""
    said = None if contract.runner is None else contract.runner.windows
    ours = None if modality.windowing is None else dict(modality.windowing)
    if said != ours:
        raise _other(place, f"it cuts samples into windows by {said}, this version by {ours}")
    asked, made = None if contract.runner is None else contract.runner.steps, contract.decides.steps
    if asked is not None and asked != (None if made is None else made.as_json()):
        raise _other(place, f"it answers in the steps {asked}, this version in {made and made.as_json()}")


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
    state = () if contract.steps is None else contract.steps.state
    named = [takes.name, *(one.name for one in state)]
    if [value.name for value in inputs] != named:
        raise _other(
            place, f"its inputs are {', '.join(value.name for value in inputs)}, not {', '.join(named)}"
        )
    for value, wanted_type in zip(inputs, [takes.type, *(one.dtype for one in state)], strict=True):
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        if kind != wanted_type:
            raise _other(place, f"it takes {kind} for {value.name}, the manifest says {wanted_type}")
    given_names, after = [value.name for value in model.graph.output], [one.next for one in state]
    if given_names[1:] != after:
        raise _other(place, f"behind the answer it gives {given_names[1:]}, not {after}")
    dims = model.graph.output[0].type.tensor_type.shape.dim if model.graph.output else []
    # Of one step, the last axis is 1.
    axes = [*contract.output.shape[2:-1], 1] if state else contract.output.shape[2:]
    if len(dims) != 2 + len(axes):
        raise _other(
            place, f"it does not give one table (batch, columns{''.join(f', {axis}' for axis in axes)})"
        )
    if dims[1].HasField("dim_value") and dims[1].dim_value != len(contract.columns):
        raise _other(
            place, f"it gives {dims[1].dim_value} columns, the manifest names {len(contract.columns)}"
        )
    for dim, axis in zip(dims[2:], axes, strict=True):
        if dim.HasField("dim_value") and dim.dim_value != axis:
            raise _other(place, f"an axis of what it gives is {dim.dim_value}, the manifest says {axis}")
    _check_metadata(model, contract, place)


def _check_metadata(model: onnx.ModelProto, contract: Contract, place: Path) -> None:
    said = {prop.key: prop.value for prop in model.metadata_props}
    for name in contract.terms:
        plain = contract.term(name)
        if name in said and _canonical(json.loads(said[name])) != _canonical(plain):
            raise _other(place, f"its {name} is {said[name]}, the manifest says {json.dumps(plain)}")


def _other(place: Path, what: str) -> StorageError:
    return StorageError(f"{place} is not what its manifest promises: {what}.", AGAIN)


def _canonical(value: object) -> bytes:
    def plain(part: object) -> object:
        return part.model_dump() if isinstance(part, BaseModel) else str(part)

    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain).encode()
