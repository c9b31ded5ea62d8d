"""Opening a release bundle and running it on raw samples: the one way from bytes to decision."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import DigestMismatch, StorageError
from components.runtime.sessions import open_session, run
from components.storage.publish import read_json, sha256_file

Image = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Decode = Callable[[bytes], Image]

FILES = {"fp32": "model.onnx", "int8": "model.int8.onnx", "fp16": "model.fp16.onnx"}


@dataclass(frozen=True)
class Decision:
    """From probabilities to a class.

    Attributes:
        positive: index of the class that the threshold is for; None takes the most probable class.
        threshold: decide positive where its probability is at least this.
    """

    positive: int | None = None
    threshold: float | None = None

    def __call__(self, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """(N, C) → (N,) class indices."""
        if self.positive is None or self.threshold is None or probabilities.shape[1] != 2:
            return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
        is_positive = probabilities[:, self.positive] >= self.threshold
        return np.where(is_positive, self.positive, 1 - self.positive).astype(np.int64)


class Runner:
    """One ONNX file with the release's signature: uint8 (batch, height, width, 3) → (batch, classes)."""

    def __init__(self, model: bytes | Path, providers: Sequence[str], threads: int) -> None:
        self._session = open_session(model, providers, threads)
        self._threads = threads

    @property
    def provider(self) -> str:
        return str(self._session.get_providers()[0])

    def run(self, images: Image) -> Probabilities:
        return np.asarray(run(self._session, {"image": images})[0], dtype=np.float32)

    def predict(self, payloads: Iterable[bytes], decode: Decode, batch: int = 32) -> Iterator[Probabilities]:
        """(C,) for each payload, in order. Threads decode up to two batches ahead; memory stays flat."""
        for images in _ahead(payloads, decode, batch, self._threads):
            for group in _same_size(images):
                yield from self.run(np.stack(group))


@dataclass(frozen=True)
class Bundle:
    """A verified release folder: what it decides, and its runner for one variant."""

    classes: tuple[str, ...]
    decision: Decision
    variant: str
    runner: Runner
    manifest: dict[str, object]

    def predict(self, payloads: Iterable[bytes], decode: Decode, batch: int = 32) -> Iterator[Probabilities]:
        return self.runner.predict(payloads, decode, batch)


def open_bundle(folder: Path, providers: Sequence[str], threads: int, variant: str | None = None) -> Bundle:
    """Verify every digest of the manifest, then open the variant (the released one by default)."""
    manifest = verify(folder)
    chosen = variant or str(manifest["released"])
    if chosen not in FILES or not (folder / FILES[chosen]).exists():
        raise StorageError(f"{folder} holds no variant {chosen!r}.", f"Allowed: {', '.join(FILES)}.")
    classes = tuple(str(name) for name in _list(manifest["classes"]))
    positive = manifest.get("positive")
    decision = Decision(
        classes.index(str(positive)) if positive is not None else None, _number(manifest.get("threshold"))
    )
    return Bundle(classes, decision, chosen, Runner(folder / FILES[chosen], providers, threads), manifest)


def verify(folder: Path) -> dict[str, object]:
    """The manifest, once every file that it names has the digest that it says, and no other file lies there."""
    manifest = read_json(folder / "manifest.json")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise StorageError(f"{folder / 'manifest.json'} names no files.", "Run: dvc repro -f export_onnx")
    found = {path.name for path in folder.iterdir()} - {"manifest.json"}
    if found != set(files):
        odd = ", ".join(sorted(found ^ set(files)))
        raise StorageError(f"{folder} and its manifest differ: {odd}.", "Run: dvc repro -f export_onnx")
    for name, facts in files.items():
        if sha256_file(folder / name) != facts["sha256"]:
            raise DigestMismatch(
                f"{folder / name} is not the file that the manifest names (SHA-256 differs).",
                "Run: dvc checkout release",
            )
    return manifest


def _ahead(payloads: Iterable[bytes], decode: Decode, batch: int, threads: int) -> Iterator[list[Image]]:
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        pending: deque[Future[Image]] = deque()
        for payload in payloads:
            pending.append(pool.submit(decode, payload))
            if len(pending) >= 3 * batch:
                yield [pending.popleft().result() for _ in range(batch)]
        while pending:
            yield [pending.popleft().result() for _ in range(min(batch, len(pending)))]


def _same_size(images: Sequence[Image]) -> Iterator[list[Image]]:
    for _, group in groupby(images, key=lambda image: image.shape):
        yield list(group)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
