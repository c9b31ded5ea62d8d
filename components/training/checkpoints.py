"""Checkpoints of an unfinished training: whole or not there.

One file an epoch, the last two are kept: 64 hex digits (SHA-256 of the rest), a line feed, safetensors with
the counters as JSON in its header. It appears by rename, after fsync; the one before goes only when the next
is whole. A file whose digest is wrong is removed and the one before it used.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from components.progress import log
from components.storage.publish import kernel_lock, remove, sha256_bytes, write_bytes

KEPT = 2
DIGEST = 64


@dataclass(frozen=True)
class Epoch:
    """One line of the learning curve.

    Attributes:
        lr: the head's, at the epoch's last step.
        criterion: larger is better; none where the validation loss finds the best epoch.
        validation: what else the problem says of the validation samples, e.g. `accuracy`.
    """

    epoch: int
    phase: str
    train_loss: float
    validation_loss: float
    lr: float
    criterion: float | None = None
    validation: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What it says of the validation samples: `validation loss 0.312, accuracy 0.875`."""
        return ", ".join(
            [
                f"validation loss {self.validation_loss:.3f}",
                *(f"{name} {value:.3f}" for name, value in self.validation.items()),
            ]
        )

    def better_than(self, other: "Epoch") -> bool:
        if self.criterion is not None and other.criterion is not None:
            # Metrics of few samples are often equal.
            return (self.criterion, -self.validation_loss) > (other.criterion, -other.validation_loss)
        return self.validation_loss < other.validation_loss


@dataclass
class Counters:
    """Where a training stands.

    Attributes:
        phase, phase_epochs: number of the running phase, and whole epochs of it.
        waited: epochs of this phase without a better one than the best.
        steps: all steps, from 0.
        spent: seconds of training; no result depends on them.
    """

    phase: int = 0
    phase_epochs: int = 0
    waited: int = 0
    steps: int = 0
    spent: float = 0.0
    best_epoch: int = -1
    history: list[Epoch] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return len(self.history)


@dataclass(frozen=True)
class Checkpoint:
    """Counters and tensors: of the model, of its best epoch, and of the optimiser (`<parameter>/<name>`)."""

    counters: Counters
    model: dict[str, Tensor]
    best: dict[str, Tensor]
    optimiser: dict[str, Tensor]


class Checkpoints:
    """The checkpoints of one training, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """For this process alone: workspaces that share caches may train the same. Raises Busy."""
        with kernel_lock(self.folder / "lock", wait_seconds=60):
            yield

    def save(self, checkpoint: Checkpoint) -> None:
        """Publish one; StorageError where there is no room, with the one before intact."""
        parts = {"model": checkpoint.model, "best": checkpoint.best, "optimiser": checkpoint.optimiser}
        tensors = {
            f"{part}|{name}": tensor.detach().cpu().contiguous()
            for part, held in parts.items()
            for name, tensor in held.items()
        }
        data = save(tensors, {"counters": json.dumps(asdict(checkpoint.counters))})
        path = self.folder / f"{checkpoint.counters.epochs:06d}.checkpoint"
        write_bytes(path, sha256_bytes(data).encode() + b"\n" + data)
        for old in self._paths()[KEPT:]:
            old.unlink()

    def latest(self) -> Checkpoint | None:
        """The newest that is whole; none where none is."""
        for path in self._paths():
            found = _read(path)
            if found is not None:
                return found
            log(f"Checkpoint {path.name} is damaged and has been removed; the one before it is used.")
            path.unlink()
        return None

    def clear(self) -> None:
        """The training is done: nothing of it is kept."""
        remove(self.folder)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.checkpoint"), reverse=True)


def _read(path: Path) -> Checkpoint | None:
    data = path.read_bytes()
    digest, body = data[:DIGEST], data[DIGEST + 1 :]
    # The digest comes before the parser: safetensors reads flipped bits without a word.
    if sha256_bytes(body).encode() != digest:
        return None
    size = int.from_bytes(body[:8], "little")
    values = json.loads(json.loads(body[8 : 8 + size])["__metadata__"]["counters"])
    values["history"] = [Epoch(**line) for line in values["history"]]
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
    for name, tensor in load(body).items():
        part, rest = name.split("|", 1)
        parts[part][rest] = tensor
    return Checkpoint(Counters(**values), parts["model"], parts["best"], parts["optimiser"])
