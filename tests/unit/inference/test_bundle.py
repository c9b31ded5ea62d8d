"""A bundle is verified before it is opened, keeps the order of its samples, and does not read ahead without end."""

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from brightness import brightness_network, modern_about
from onnx import helper, numpy_helper
from PIL import Image

from components.data import ahead
from components.errors import DataError, DigestMismatch, StorageError
from components.inference.bundle import WINDOW, Runner, open_bundle, verify
from components.inference.contract import FILES
from components.problems.windows import Window
from components.storage.publish import sha256_bytes, write_bytes, write_json


def _network(slope: float = 1.0) -> bytes:
    """(1 - p, p) with p = slope · mean brightness / 255."""
    return brightness_network(slope / 255, bias=(1, 0))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    slopes = {"fp32": 1.0, "int8": 0.5, "fp16": 0.25}
    for variant, name in FILES.items():
        write_bytes(folder / name, _network(slopes[variant]))
    write_json(folder / "parity.json", {})
    _write_manifest(folder)
    return folder


def _write_manifest(folder: Path, **changes: object) -> None:
    files = {
        path.name: {"sha256": sha256_bytes(path.read_bytes()), "size": path.stat().st_size}
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }
    facts = {**modern_about(threshold=0.4), "released": "int8"}
    write_json(folder / "manifest.json", {**facts, "files": files, **changes})


def _payload(level: int, side: int = 4) -> bytes:
    return bytes([level, side])


def _decode(payload: bytes) -> np.ndarray:
    level, side = payload
    return np.full((side, side + 1, 3), level, dtype=np.uint8)


def _answers(
    runner: Runner,
    payloads: Iterable[bytes],
    decode: Callable[[bytes], np.ndarray] = _decode,
    batch: int | None = None,
) -> Iterator[np.ndarray]:
    for rows, _ in runner.rows(payloads, lambda payload: (Window(decode(payload)),), batch):
        yield rows[0]


def test_a_release_decodes_16_bit_grey_as_its_training_did(release: Path) -> None:
    """Scoring looks at the manifest, not at params.yaml."""
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "PNG")
    levels = [len(np.unique(open_bundle(release).modality.decode(buffer.getvalue())))]
    _write_manifest(release, task={"modality": "image", "problem": "classification", "bits": 12})
    levels.append(len(np.unique(open_bundle(release).modality.decode(buffer.getvalue()))))
    assert levels == [16, 256]


def test_the_released_variant_is_opened_unless_another_is_asked_for(release: Path) -> None:
    bundle = open_bundle(release)
    assert (bundle.variant, bundle.decision.names) == ("int8", ("dark", "light"))
    assert bundle.decision.promises == {"positive": "light", "threshold": 0.4}
    for variant, expected in ((None, 0.5), ("fp32", 1.0), ("fp16", 0.25)):
        runner = bundle.runner(["cpu"], 1, variant)
        assert runner.provider == "CPUExecutionProvider"
        (found,) = _answers(runner, [_payload(255)], _decode)
        np.testing.assert_allclose(found, [1 - expected, expected], atol=1e-6)


@pytest.mark.parametrize("name", [*FILES.values(), "parity.json"])
def test_one_flipped_bit_in_any_file_is_refused_and_the_file_named(release: Path, name: str) -> None:
    data = bytearray((release / name).read_bytes())
    data[len(data) // 2] ^= 1
    (release / name).write_bytes(bytes(data))
    with pytest.raises(DigestMismatch, match=name):
        open_bundle(release)


def test_a_file_exchanged_after_its_digest_was_checked_is_not_opened(release: Path) -> None:
    bundle = open_bundle(release)
    (release / FILES["fp32"]).write_bytes(_network(slope=0.9))
    with pytest.raises(DigestMismatch, match=r"model\.onnx"):
        bundle.runner(["cpu"], 1, "fp32")
    bundle.runner(["cpu"], 1, "fp16")


def test_a_model_beyond_the_limits_for_foreign_files_is_not_opened(release: Path) -> None:
    """Its digest is right: whoever wrote the manifest wrote the bomb, 32 GiB in a few bytes."""
    bomb = onnx.load_from_string(_network())
    bomb.graph.initializer.append(numpy_helper.from_array(np.array([2**33]), "size"))
    bomb.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["swollen"]))
    write_bytes(release / FILES["fp32"], bomb.SerializeToString())
    _write_manifest(release)
    with pytest.raises(StorageError, match="'swollen' would have 8589934592 elements"):
        open_bundle(release).runner(["cpu"], 1, "fp32")


def test_files_that_are_missing_or_that_nobody_named_are_refused(release: Path) -> None:
    (release / "model.data").write_bytes(b"weights from elsewhere")
    with pytest.raises(StorageError, match=r"model\.data"):
        verify(release)
    (release / "model.data").unlink()
    (release / "model.fp16.onnx").unlink()
    with pytest.raises(StorageError, match=r"model\.fp16\.onnx"):
        verify(release)


def test_a_manifest_that_is_missing_or_names_no_files_is_refused(release: Path) -> None:
    write_json(release / "manifest.json", {"files": ["model.onnx"]})
    with pytest.raises(StorageError, match="names no files"):
        open_bundle(release)
    (release / "manifest.json").unlink()
    with pytest.raises(StorageError):
        open_bundle(release)


def test_a_variant_that_does_not_exist_is_refused_by_name(release: Path) -> None:
    with pytest.raises(StorageError, match=r"'int4'.*fp32, int8, fp16"):
        open_bundle(release).runner(["cpu"], 1, "int4")


@pytest.mark.parametrize("batch", [1, 3, 32])
@pytest.mark.parametrize("threads", [1, 3])
def test_order_is_kept_whatever_the_sizes(batch: int, threads: int) -> None:
    levels = list(range(0, 256, 4))
    payloads = [_payload(level, 2 + (level // 4) % 3 * (level % 8 // 4)) for level in levels]
    found = list(_answers(Runner(_network(), ["cpu"], threads), payloads, _decode, batch))
    np.testing.assert_allclose([row[1] for row in found], np.array(levels) / 255, atol=1e-5)


def test_no_sample_gives_no_prediction() -> None:
    assert list(_answers(Runner(_network(), ["cpu"], 1), [], _decode)) == []


def test_it_reads_ahead_by_a_few_batches_only() -> None:
    taken = 0

    def payloads() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield _payload(9)

    rows = _answers(Runner(_network(), ["cpu"], 2), payloads(), _decode, batch=4)
    for count in range(1, 41):
        next(rows)
        assert taken <= count + 4 * (4 + WINDOW)
    rows.close()
    assert taken < 1000


def test_large_pictures_share_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 of 50 megapixels in one call would be 5 GB, and 19 GB as the graph's numbers."""
    monkeypatch.setattr(ahead, "STACK", 3 * 100 * 101 * 3)
    runner, sizes = Runner(_network(), ["cpu"], 2), []
    run = runner.run
    monkeypatch.setattr(runner, "run", lambda images: sizes.append(len(images)) or run(images))
    payloads = [_payload(9, side) for side in (100, 100, 100, 100, 200, 4, 4)]
    assert len(list(_answers(runner, payloads, _decode))) == 7
    assert sizes == [2, 3, 1, 1]


def test_decoding_runs_in_several_threads_at_once() -> None:
    """Both samples wait for each other: one thread alone would wait for ever."""
    together = threading.Barrier(2, timeout=30)

    def decode(payload: bytes) -> np.ndarray:
        together.wait()
        return _decode(payload)

    rows = _answers(Runner(_network(), ["cpu"], 2), [_payload(1), _payload(2)], decode)
    assert len(list(rows)) == 2


def test_a_sample_that_cannot_be_decoded_ends_the_run_with_its_reason() -> None:
    def decode(payload: bytes) -> np.ndarray:
        if payload == _payload(3):
            raise DataError("sample 3 is truncated")
        return _decode(payload)

    with pytest.raises(DataError, match="sample 3 is truncated"):
        list(_answers(Runner(_network(), ["cpu"], 2), [_payload(level) for level in range(9)], decode, 2))


def test_the_manifest_is_the_bundle_s(release: Path) -> None:
    _write_manifest(release, decision={}, lineage={"dataset_sha256": "d"})
    bundle = open_bundle(release)
    assert bundle.decision.promises == {"positive": None, "threshold": None}
    assert bundle.manifest == json.loads((release / "manifest.json").read_text())
