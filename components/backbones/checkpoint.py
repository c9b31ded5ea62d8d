"""Foreign weights become ours: digest first, then names and shapes, then safetensors that we wrote ourselves.

checkpoint/weights.safetensors   the backbone's tensors under its own names, without the classifier
checkpoint/provenance.json       where they come from, under which licence, and their digest
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as tensors_file
from torch import Tensor

from components.backbones import unpickle
from components.backbones.base import Backbone, BackboneEntry
from components.backbones.unpickle import Kind, Refused, Wanted, match
from components.errors import CheckpointError, DigestMismatch
from components.storage.publish import read_json, sha256_bytes, sha256_file, write_bytes, write_json

CONVERTER = "graftline-1"
WEIGHTS = "weights.safetensors"
PROVENANCE = "provenance.json"
DEADLINE_SECONDS = 600
# A full training checkpoint holds optimiser state and a classifier beside the weights.
ROOM = 8
MIB = 2**20
DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
}
# Numbers, too, but nothing trains them.
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "LANG")


@dataclass(frozen=True)
class Provenance:
    """The chain from `weights.safetensors` back to what was published.

    Attributes:
        name: the backbone's, in the catalogue.
        uri, revision, file, sha256: the source, its state as seen, the file in it, and its digest.
        converter: version of the conversion.
        parameters: numbers in `weights.safetensors` that training adapts.
        weights_sha256: digest of `weights.safetensors`.
        adaptation: what was done to the published weights: `method`, `base_weights_sha256`, and how; none: nothing.
    """

    name: str
    uri: str
    revision: str
    file: str
    sha256: str
    licence: str
    converter: str
    parameters: int
    weights_sha256: str
    adaptation: Mapping[str, object] | None = None

    def as_json(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if value is not None}


def convert(raw: Path, entry: BackboneEntry, sha256: str | None = None) -> dict[str, Tensor]:
    """The backbone's tensors out of a foreign checkpoint (safetensors, or a pickle by torch.save).

    Args:
        sha256: the digest that the file must have; None takes the catalogue's.

    Raises:
        DigestMismatch: other bytes than named; nothing has been parsed then.
        CheckpointError: damaged, holding code, too large, or not of this architecture; the first tensors that
            differ are named.
    """
    return _convert(raw, entry, sha256 or entry.file_sha256, _wanted(entry), entry.classifier)


def convert_classifier(raw: Path, entry: BackboneEntry) -> tuple[Tensor, Tensor]:
    """Weight (source_classes, width) and bias (source_classes,) out of the catalogue's checkpoint; raises as `convert`.

    Only for an entry with `source_classes`.
    """
    with torch.device("meta"):
        width = entry.architecture().width
    weight, bias = entry.classifier
    shapes = {weight: (entry.source_classes, width), bias: (entry.source_classes,)}
    wanted = [Wanted(name, name, Kind(shape, "float32")) for name, shape in shapes.items()]
    state = _convert(raw, entry, entry.file_sha256, wanted, [tensor.raw for tensor in _wanted(entry)])
    return state[weight], state[bias]


def _convert(
    raw: Path, entry: BackboneEntry, expected: str, wanted: list[Wanted], ignored: Sequence[str]
) -> dict[str, Tensor]:
    """The wanted tensors by their own names; those in `ignored` may be there, others may not."""
    if (actual := sha256_file(raw)) != expected:
        raise DigestMismatch(
            f"The checkpoint of {entry.name} has SHA-256 {actual}, expected {expected}.",
            "It is not what was named: check where it comes from before you change the digest.",
        )
    cap = ROOM * _bytes(_wanted(entry)) + 256 * MIB
    try:
        if raw.stat().st_size > cap:
            raise Refused(f"it has {raw.stat().st_size} bytes, more than the cap of {cap}")
        read = _read_safe if _is_safetensors(raw) else _read_pickle
        state = read(raw, wanted, ignored, cap)
    except Refused as error:
        raise CheckpointError(
            f"The checkpoint is not one of {entry.name}: {error}.",
            "Choose the backbone that it was made for, or another checkpoint.",
        ) from error
    check_finite(state, entry.name)
    return state


def save(folder: Path, state: dict[str, Tensor], provenance: Provenance) -> Provenance:
    """Write both files; returns the provenance with `parameters` and `weights_sha256` filled in."""
    data = tensors_file.save({name: state[name].contiguous() for name in sorted(state)})
    write_bytes(folder / WEIGHTS, data)
    trained = sum(t.numel() for name, t in state.items() if name.rsplit(".", 1)[-1] not in STATISTICS)
    done = replace(provenance, parameters=trained, weights_sha256=sha256_bytes(data))
    write_json(folder / PROVENANCE, done.as_json())
    return done


def read_provenance(folder: Path) -> Provenance:
    """provenance.json, typed. Raises CheckpointError where keys are missing or unknown."""
    row = read_json(folder / PROVENANCE)
    try:
        return Provenance(**row)  # type: ignore[arg-type]
    except TypeError as error:
        known = ", ".join(field.name for field in fields(Provenance))
        raise CheckpointError(
            f"{folder / PROVENANCE} is not a provenance ({known}).", "Run: dvc repro"
        ) from error


def load(folder: Path, backbone: Backbone) -> Provenance:
    """Fill `backbone` with the weights in `folder`, verified by digest, and put it in evaluation mode.

    Raises CheckpointError where the file is damaged or belongs to another architecture.
    """
    provenance = read_provenance(folder)
    path = folder / WEIGHTS
    data = path.read_bytes() if path.is_file() else b""
    if sha256_bytes(data) != provenance.weights_sha256:
        raise CheckpointError(f"{path} is missing or damaged.", "Remove the folder and run: dvc repro")
    kinds = {name: _kind(tensor) for name, tensor in backbone.state_dict().items()}
    state = tensors_file.load(data)
    try:
        match({n: _kind(t) for n, t in state.items()}, [Wanted(n, n, k) for n, k in kinds.items()], ())
    except Refused as error:
        raise CheckpointError(f"{path} ({provenance.name}) does not fit the backbone: {error}.") from error
    backbone.load_state_dict(state)
    backbone.eval()
    return provenance


def _kind(tensor: Tensor) -> Kind:
    return Kind(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _wanted(entry: BackboneEntry) -> list[Wanted]:
    """What the architecture asks for, found without allocating it."""
    with torch.device("meta"):
        tensors = entry.architecture().state_dict()
    return [Wanted(name, entry.raw_name(name), _kind(tensor)) for name, tensor in tensors.items()]


def _bytes(wanted: list[Wanted]) -> int:
    return sum(torch.Size(t.kind.shape).numel() * getattr(torch, t.kind.dtype).itemsize for t in wanted)


def _is_safetensors(raw: Path) -> bool:
    """A safetensors file starts with its header's length (8 bytes) and the header's brace."""
    with raw.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _read_safe(raw: Path, wanted: list[Wanted], ignored: Sequence[str], _cap: int) -> dict[str, Tensor]:
    """The header alone is compared first: no tensor is made before its shape is known to be right."""
    try:
        with safe_open(raw, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            found = {
                name: Kind(tuple(s.get_shape()), DTYPES.get(s.get_dtype(), s.get_dtype()))
                for name, s in slices.items()
            }
            names = match(found, wanted, ignored)
            return {own: file.get_tensor(name) for own, name in names.items()}
    except SafetensorError as error:
        raise Refused(f"it is damaged ({error})") from error


def _read_pickle(raw: Path, wanted: list[Wanted], ignored: Sequence[str], cap: int) -> dict[str, Tensor]:
    """Let a process of its own read the pickle, under limits; what it writes is checked again."""
    with tempfile.TemporaryDirectory(prefix="graftline-checkpoint-") as folder:
        out = Path(folder) / WEIGHTS
        answer = _run_limited(raw, out, unpickle.wanted_to_json(wanted, ignored, cap))
        if answer:
            raise Refused(answer)
        state = tensors_file.load_file(out)
        match({name: _kind(tensor) for name, tensor in state.items()}, wanted, ())
        return state


def _run_limited(raw: Path, out: Path, request: str) -> str:
    """Why the checkpoint is refused; empty where it is not."""
    environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    try:
        done = subprocess.run(
            # -P: the script's folder holds modules with common names.
            [sys.executable, "-P", str(Path(unpickle.__file__).resolve()), str(raw.resolve()), str(out)],
            input=request,
            capture_output=True,
            text=True,
            errors="replace",
            env={**environment, "OMP_NUM_THREADS": "1"},
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"reading it took longer than {DEADLINE_SECONDS} s"
    if done.returncode == 0:
        return ""
    if done.returncode == unpickle.REFUSED:
        return str(json.loads(done.stdout)["refused"])
    return f"the process that read it fell ({done.returncode}), as for a file that asks for too much"


def check_finite(state: Mapping[str, Tensor], name: str) -> None:
    """Raise CheckpointError where a number of the state is none."""
    for key, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{key} of the checkpoint of {name} holds NaN or infinity.", "Take another one."
            )
