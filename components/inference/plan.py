"""What a batch job writes, fixed before it begins: so that a rerun, or another shard, does the rest of the same job.

An output folder holds
    _plan.json                the model, and a digest of the inputs of each part
    _inputs.jsonl             of a folder or prefix: what was there when the job began
    part-000000.parquet       the rows of the first part; each part appears by rename
    _parts/000000.json        its receipt: digest, rows, how many are unreadable
    _manifest.json            all receipts; it is there when every input has its row
Names that begin with `_` or `.` are no data for pyarrow, Spark and their like.
"""

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO

from components.errors import SourceError, StorageError
from components.inference.begun import LISTED, PLAN, refuse_foreign
from components.inference.inputs import Input, no_inputs
from components.storage.publish import kernel_lock, read_json, sha256_file, write_bytes, write_json
from components.storage.range_lock import range_lock

FORMAT = 1  # to be raised when the rows of equal inputs change
RECEIPTS, MANIFEST, LOCK = "_parts", "_manifest.json", ".lock"


@dataclass(frozen=True)
class Model:
    """What the rows say about the model: name and version are None for a bundle that no registry knows."""

    name: str | None
    version: str | None
    release_sha256: str
    variant: str

    def __str__(self) -> str:
        named = f"{self.name} version {self.version}, " if self.name else ""
        return f"{named}release {self.release_sha256[:12]} ({self.variant})"


@dataclass(frozen=True)
class Plan:
    """A job's inputs in parts.

    Attributes:
        rows: of each part but the last.
        inputs: how many there are.
        parts: digest of each part's inputs.
        embeddings: whether the rows hold them.
    """

    model: Model
    rows: int
    inputs: int
    parts: Sequence[str]
    embeddings: bool = False

    def size(self, number: int) -> int:
        return min(self.rows, self.inputs - number * self.rows)

    def shard(self, number: int, of: int) -> range:
        """Parts of shard `number` (from 1): neighbours, and each part is of one shard."""
        count = len(self.parts)
        return range(count * (number - 1) // of, count * number // of)

    def chosen(self, inputs: Iterable[Input], wanted: Iterable[int]) -> Iterator[Input]:
        """The inputs of the parts `wanted`, in order. SourceError where they are not the planned ones."""
        asked = set(wanted)
        for number, part in enumerate(_chunks(inputs, self.rows)):
            if not asked:
                return
            if number not in asked:
                continue
            asked.remove(number)
            if digest(part) != self.parts[number]:
                raise _moved()
            yield from part
        if asked:
            raise _moved()

    def as_json(self) -> dict[str, object]:
        found = {"format": FORMAT, **asdict(self)}
        if not self.embeddings:  # as it was before there were any
            del found["embeddings"]
        return found


def make_plan(
    model: Model,
    rows: int,
    inputs: Iterable[Input],
    embeddings: bool = False,
    listed: IO[bytes] | None = None,
) -> Plan:
    """`listed` gets a line for each input. Raises DataError without inputs."""
    sizes, parts = [], []
    for part in _chunks(inputs, rows):
        sizes.append(len(part))
        parts.append(digest(part))
        if listed is not None:
            listed.writelines(map(_line, part))
    if not parts:
        raise no_inputs()
    return Plan(model, rows, sum(sizes), parts, embeddings)


def digest(part: Iterable[Input]) -> str:
    """SHA-256 of ids and states, a JSON line each."""
    found = hashlib.sha256()
    for item in part:
        found.update(_line(item))
    return found.hexdigest()


def _line(item: Input) -> bytes:
    return json.dumps([item.id, item.state]).encode() + b"\n"


def _chunks(inputs: Iterable[Input], rows: int) -> Iterator[list[Input]]:
    found = iter(inputs)
    while part := list(islice(found, rows)):
        yield part


def _moved() -> SourceError:
    return SourceError(
        "The inputs change while they are scored.",
        "Begin again when nobody writes there, with a new --output.",
    )


class Output:
    """The output folder of a plan; several processes may use it at once."""

    def __init__(self, folder: Path, plan: Plan, listed: IO[bytes] | None = None) -> None:
        """With `listed`, a job that is new keeps it (see `Begun`).

        Raises StorageError where the folder holds another job's results, or anything else.
        """
        self.folder = folder
        self.plan = plan
        folder.mkdir(parents=True, exist_ok=True)
        refuse_foreign(folder)
        with self._locked():
            if (folder / PLAN).exists():
                _refuse_other(folder, read_json(folder / PLAN), json.loads(json.dumps(plan.as_json())))
            else:
                if listed is not None:
                    _copy(listed, folder / LISTED)
                write_json(folder / PLAN, plan.as_json())

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"

    @contextmanager
    def held(self, parts: range) -> Iterator[None]:
        """Hold `parts` alone (Busy otherwise), without what a killed process left of them."""
        with range_lock(self.folder / LOCK, parts):
            own = {path.name for number in parts for path in (self.part(number), self._receipt(number))}
            for folder in (self.folder, self.folder / RECEIPTS):
                _tidy(folder, own)
            yield

    def is_done(self, number: int) -> bool:
        """Whether the part is there as its receipt says; a damaged one is not."""
        receipt, part = self._receipt(number), self.part(number)
        if not receipt.exists() or not part.exists():
            return False
        return read_json(receipt).get("sha256") == sha256_file(part)

    def publish(self, number: int, data: bytes | memoryview, facts: Mapping[str, object]) -> None:
        """The part, then its receipt: a kill between the two costs the part's work, and no row."""
        write_bytes(self.part(number), data)
        named = {"file": self.part(number).name, "sha256": hashlib.sha256(data).hexdigest()}
        write_json(self._receipt(number), {**named, **facts})

    def finish(self) -> dict[str, object] | None:
        """The manifest, written where all receipts are there; None while other shards have work to do."""
        with self._locked():
            numbers = range(len(self.plan.parts))
            receipts = [self._receipt(number) for number in numbers]
            if not all(path.exists() for path in [*receipts, *map(self.part, numbers)]):
                return None
            parts = [read_json(path) for path in receipts]
            unreadable = sum(int(str(part["unreadable"])) for part in parts)
            manifest: dict[str, object] = {
                "model": asdict(self.plan.model),
                "inputs": self.plan.inputs,
                "unreadable": unreadable,
                "parts": parts,
            }
            write_json(self.folder / MANIFEST, manifest)
            return manifest

    def _receipt(self, number: int) -> Path:
        return self.folder / RECEIPTS / f"{number:06d}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with kernel_lock(self.folder / ".plan.lock", wait_seconds=60):
            _tidy(self.folder, {PLAN, MANIFEST, LISTED})
            yield


def _copy(file: IO[bytes], to: Path) -> None:
    """What was written to `file`, which memory may not hold; `to` appears by rename."""
    file.flush()
    with mmap(file.fileno(), 0, access=ACCESS_READ) as lines, memoryview(lines) as view:
        write_bytes(to, view)


def _tidy(folder: Path, names: Container[str]) -> None:
    """Remove what a killed process had written of `names` (see `storage.publish.write_bytes`)."""
    for left in folder.glob(".?*.*.*"):
        if left.name[1:].rpartition(".")[0] in names:
            left.unlink(missing_ok=True)


def _refuse_other(folder: Path, there: Mapping[str, object], asked: Mapping[str, object]) -> None:
    """Raise StorageError, with what is different, unless both plans are the same."""
    if there == asked:
        return
    if there.get("format") != FORMAT:
        raise StorageError(f"{folder} was written by another version of Graftline.", "Name another --output.")
    models = there.get("model"), asked["model"]
    if models[0] != models[1]:
        old, new = (Model(**found) if isinstance(found, dict) else found for found in models)
        raise StorageError(
            f"{folder} holds results of {old}, not of {new}.",
            "Name another --output; or finish the old job with its model, by --version or --bundle.",
        )
    if there.get("rows") != asked["rows"]:
        raise StorageError(
            f"{folder} has {there.get('rows')} rows a part.", f"Add --rows {there.get('rows')}."
        )
    if bool(there.get("embeddings")) != bool(asked.get("embeddings")):
        raise StorageError(
            f"{folder} was begun {'with' if there.get('embeddings') else 'without'} --embeddings.",
            "Run it as it was begun, or name another --output.",
        )
    raise StorageError(
        f"{folder} was begun with {there.get('inputs')} inputs, {asked['inputs']} are there now, and they differ "
        f"from number {_first_difference(there, asked) + 1} on, or soon after.",
        "Bring the earlier inputs back and run the same command, or name another --output.",
    )


def _first_difference(there: Mapping[str, object], asked: Mapping[str, object]) -> int:
    """Index of the first input of the first part that differs."""
    old, new = there.get("parts"), asked["parts"]
    assert isinstance(old, list)
    assert isinstance(new, list)
    same = next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    return same * int(str(asked["rows"]))
