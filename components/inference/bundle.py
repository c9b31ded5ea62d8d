"""Opening a release bundle and running it on raw samples: the one way from bytes to decision."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from components.data.ahead import in_order, windows
from components.errors import DigestMismatch, StorageError
from components.inference.assembly import Assembly, Key, stacked
from components.inference.contract import FILES, Contract, check_model, check_runner, read_contract
from components.modalities import load_modality
from components.modalities.base import Modality, Sample
from components.params.task import TaskParams
from components.problems.base import Decision, Description
from components.problems.steps import Steps
from components.problems.windows import Window
from components.runtime.sessions import PROVIDERS, open_session, run
from components.runtime.trust import check, limits_of
from components.storage.publish import read_json, sha256_bytes, sha256_file

Answers = npt.NDArray[np.float32]

BATCH = 32
# Batches among which samples are sorted by their shape.
WINDOW = 8
# A core keeps the activations of few images in its cache: on two, 8 images a call were 1.6 times as fast as 32,
# in a third of the memory.
CPU_BATCH = 4
# Of one call, by when it has ended on any machine, or was not made by us: a release may come from elsewhere.
SECONDS = 600.0
# Where DVC is told to link outputs instead of copying them, a link leads to an object of its cache.
CACHED = re.compile(r".*/files/md5/[0-9a-f]{2}/[0-9a-f]{30}")


class Runner:
    """One ONNX file with the release's signature: samples (batch, …) → answers (batch, columns, …).

    With `steps` the file is of one step, and is run until all samples of a batch have ended.
    """

    def __init__(
        self, model: bytes | Path, providers: Sequence[str], threads: int, steps: Steps | None = None
    ) -> None:
        self._steps = steps
        self._session = open_session(model, providers, threads)
        self._threads = threads
        self._input = str(self._session.get_inputs()[0].name)

    @property
    def provider(self) -> str:
        return str(self._session.get_providers()[0])

    @property
    def batch(self) -> int:
        """How many samples a call takes where nobody says otherwise."""
        return min(BATCH, CPU_BATCH * self._threads) if self.provider == PROVIDERS["cpu"] else BATCH

    def run(self, samples: Sample) -> Answers:
        steps, sample = self._steps, {self._input: samples}
        if steps is None:
            return np.asarray(run(self._session, sample, SECONDS)[0], dtype=np.float32)
        names = [self._session.get_outputs()[0].name, *(one.next for one in steps.state)]
        return steps.answers(
            lambda state: run(self._session, {**sample, **state}, SECONDS, names), len(samples)
        )

    def rows(
        self, payloads: Iterable[bytes], cut: Callable[[bytes], Sequence[Window]], batch: int | None = None
    ) -> Iterator[tuple[Answers, Sequence[Window]]]:
        """(windows, C) for each payload with the places of its windows, in order.

        Threads decode up to three batches ahead, and no more than `in_order` allows: memory stays flat."""
        size = batch or self.batch
        samples = in_order(cut, payloads, self._threads, 3 * size)
        for neighbours in windows(samples, WINDOW * size):
            yield from self._rows(neighbours, size)

    def _rows(
        self, samples: Sequence[Sequence[Window]], size: int
    ) -> Iterator[tuple[Answers, Sequence[Window]]]:
        found: dict[Key, Answers] = {}
        for keys, stack in stacked(samples, size):
            found |= zip(keys, self.run(stack), strict=True)
        for place, cut in enumerate(samples):
            rows = [found[place, number] for number in range(len(cut))]
            yield np.stack(rows), [window.place for window in cut]


@dataclass(frozen=True)
class Bundle:
    """A verified release folder: what it decides, and its variants.

    Attributes:
        modality: decodes raw samples, with the assets that lie in the folder.
        variant: the released one.
        manifest: as it was when all digests were right; contract: the part of it that callers rely on.
    """

    folder: Path
    decision: Decision
    variant: str
    manifest: dict[str, object]
    modality: Modality
    contract: Contract

    @property
    def description(self) -> Description:
        """Of targets and decisions."""
        return self.contract.target

    @property
    def assembly(self) -> Assembly:
        """From bytes to rows of the graph, and from their answers to those of samples."""
        return Assembly(self.modality, self.decision)

    @property
    def task(self) -> TaskParams:
        return self.contract.task_params

    def runner(self, providers: Sequence[str], threads: int, variant: str | None = None) -> Runner:
        """A runner for `variant` (the released one by default). Raises as `model`, and ProviderError."""
        return Runner(self.model(variant), providers, threads, self.contract.steps)

    def model(self, variant: str | None = None) -> bytes:
        """The ONNX file of `variant`, checked once more: it may have been exchanged since the bundle was opened.

        Raises StorageError (no such variant; a model that breaks a limit for foreign files, or the contract),
        DigestMismatch.
        """
        chosen = variant or self.variant
        files = self.contract.files
        if chosen not in FILES or FILES[chosen] not in files:
            raise StorageError(f"{self.folder} holds no variant {chosen!r}.", f"Allowed: {', '.join(FILES)}.")
        path = self.folder / FILES[chosen]
        model = path.read_bytes()
        if sha256_bytes(model) != files[path.name].sha256:
            raise _changed(path)
        takes = self.modality.signature
        for shape in takes.largest:
            state = {} if self.contract.steps is None else self.contract.steps.largest(shape[0])
            check(model, {takes.name: shape, **state}, limits_of(self.decision.operators))
        check_model(onnx.load_from_string(model), self.contract, takes, path)
        return model


def open_bundle(folder: Path) -> Bundle:
    """The bundle in `folder`, once every digest of its manifest is verified, and it keeps a contract."""
    manifest = verify(folder)
    contract = read_contract(manifest, folder / "manifest.json")
    modality = load_modality(contract.task_params, assets=folder)
    check_runner(contract, modality, folder / "manifest.json")
    return Bundle(folder, contract.decides, contract.released, manifest, modality, contract)


def verify(folder: Path) -> dict[str, object]:
    """The manifest, once every file that it names has the digest that it says, and no other file or link lies there."""
    manifest = read_json(folder / "manifest.json")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise StorageError(f"{folder / 'manifest.json'} names no files.", "Run: dvc repro -f export_onnx")
    found = {path.name for path in folder.iterdir()} - {"manifest.json"}
    if found != set(files):
        odd = ", ".join(sorted(found ^ set(files)))
        raise StorageError(f"{folder} and its manifest differ: {odd}.", "Run: dvc repro -f export_onnx")
    for name, facts in files.items():
        path = folder / name
        if not path.is_file() or (path.is_symlink() and not CACHED.fullmatch(str(path.resolve()))):
            raise StorageError(f"{path} is a link, or no file.", "Copy the bundle with the files themselves.")
        if not isinstance(facts, Mapping) or sha256_file(path) != facts.get("sha256"):
            raise _changed(path)
    return manifest


def _changed(path: Path) -> DigestMismatch:
    return DigestMismatch(
        f"{path} is not the file that the manifest names (SHA-256 differs).",
        "Run: python -m components pull --force release",
    )
