"""Reading a foreign checkpoint: a program of its own, run under limits by `checkpoint.py`.

    python unpickle.py RAW OUT < request.json

It gets the request on standard input and answers with one JSON object on standard output. It exists because
reading a pickle is running a small program of others: `weights_only` allows no calls to foreign code,
and when that fails or the file asks for the world's memory, only this process falls.
"""

import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WRAPPERS = ("state_dict", "model_state_dict", "model")
SHOWN = 5
REFUSED = 3


@dataclass(frozen=True)
class Kind:
    """Shape and dtype (`float32`) of a tensor, without its numbers."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


@dataclass(frozen=True)
class Wanted:
    """A tensor of the architecture, with its name here (`own`) and in the published checkpoint (`raw`)."""

    own: str
    raw: str
    kind: Kind


class Refused(Exception):
    """The checkpoint is not what the architecture asks for, or not only tensors."""


def match(found: Mapping[str, Kind], wanted: Sequence[Wanted], ignored: Iterable[str]) -> dict[str, str]:
    """Own name → name in the checkpoint, which may use either naming; Refused lists the first differences."""
    own = any(tensor.own in found for tensor in wanted)
    names = {tensor.own: tensor.own if own else tensor.raw for tensor in wanted}
    wrong = []
    for tensor in wanted:
        there = found.get(names[tensor.own])
        if there is None:
            wrong.append(f"{names[tensor.own]} is missing")
        elif there != tensor.kind:
            wrong.append(f"{names[tensor.own]} is {there}, the architecture has {tensor.kind}")
    known = {*names.values(), *ignored}
    wrong += [f"{name} is not part of the architecture" for name in found if name not in known]
    if wrong:
        more = f" … and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Refused("; ".join(wrong[:SHOWN]) + more)
    return names


def limit(extra_bytes: int, cpu_seconds: int) -> None:
    """Allow this process `extra_bytes` more address space than it has now, and so much processor time."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (extra_bytes, extra_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_state(raw: Path, cap: int) -> dict[str, "Tensor"]:
    """The checkpoint's tensors by name, unwrapped from `state_dict` and `module.` as trainers leave them."""
    import torch

    if zipfile.is_zipfile(raw):
        with zipfile.ZipFile(raw) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > cap:
            raise Refused(f"it would swell to {size} bytes, more than the cap of {cap}")
    # Explicit, because an environment variable changes the default.
    state = torch.load(raw, map_location="cpu", weights_only=True)
    for wrapper in WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise Refused("it is not a table of tensors by name")
    if state and all(str(name).startswith("module.") for name in state):
        return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
    return {str(name): tensor for name, tensor in state.items()}


def convert(raw: Path, out: Path, request: Mapping[str, object]) -> None:
    """Write the wanted tensors to `out` as safetensors under their own names."""
    from safetensors.torch import save_file

    text = json.dumps(request)
    wanted = wanted_from_json(text)
    state = read_state(raw, int(str(request["cap"])))
    found = {name: Kind(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in state.items()}
    names = match(found, wanted, json.loads(text)["ignored"])
    # Shapes are known to be right by now: only then is it safe to ask for the memory behind them.
    save_file({own: state[name].detach().clone().contiguous() for own, name in names.items()}, out)


def wanted_to_json(wanted: Sequence[Wanted], ignored: Sequence[str], cap: int) -> str:
    rows = [[tensor.own, tensor.raw, tensor.kind.shape, tensor.kind.dtype] for tensor in wanted]
    return json.dumps({"wanted": rows, "ignored": list(ignored), "cap": cap})


def wanted_from_json(text: str) -> list[Wanted]:
    return [
        Wanted(own, raw, Kind(tuple(shape), dtype)) for own, raw, shape, dtype in json.loads(text)["wanted"]
    ]


def main(raw: str, out: str) -> int:
    request = json.load(sys.stdin)
    import safetensors.torch
    import torch

    torch.set_num_threads(1)
    assert safetensors.torch  # loaded now, before memory is limited
    limit(3 * request["cap"], cpu_seconds=300)
    refused = ""
    try:
        convert(Path(raw), Path(out), request)
    except Exception as error:  # whatever it is, a foreign file caused it
        refused = reason(error)
    sys.stdout.write(json.dumps({"refused": refused}))
    return REFUSED if refused else 0


def reason(error: Exception) -> str:
    """What a person should read instead of a traceback."""
    text = str(error)
    if isinstance(error, MemoryError) or "allocate memory" in text:
        return "it asks for more memory than its architecture explains"
    # Whatever PyTorch refuses, it advises to allow code (`weights_only=False`), which must not be passed on.
    if "weights_only" in text or ("nsupported" in text and "GLOBAL" in text.upper()):
        return "it holds code or objects, or is damaged: not tensors alone"
    return (text.strip().splitlines() or [""])[0][:300] or type(error).__name__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
