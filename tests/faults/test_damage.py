"""Bytes that are not what they were: found before they are used."""

import struct
import zlib
from pathlib import Path

import pytest
from clones import Line

from components.storage.publish import read_json, sha256_tree

pytestmark = pytest.mark.faults


def flip(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])


def test_damaged_weights_reach_no_stage(line: Line) -> None:
    flip(line.root / "checkpoint" / "weights.safetensors")
    done = line.stage("adapt_checkpoint")
    assert done.returncode in (11, 13), done.stderr
    assert "weights.safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (line.root / "adapted").exists()


def test_dvc_brings_damaged_outputs_back(line: Line) -> None:
    before = sha256_tree(line.root / "dataset")
    flip(line.root / "dataset" / "manifest.parquet")
    done = line.run("dvc", "repro", "version_data")
    assert done.returncode == 0, done.stderr
    assert sha256_tree(line.root / "dataset") == before


def bomb(side: int) -> bytes:
    """A PNG of some 100 bytes that promises side × side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_one_bad_picture_is_set_aside_and_two_are_too_many(line: Line) -> None:
    """The budget is 2 % of some 80."""
    pictures = line.root / "pictures" / "dark"
    (pictures / "bomb.png").write_bytes(bomb(60_000))
    assert line.stage("refresh").returncode == 0
    done = line.stage("version_data")
    assert done.returncode == 0, done.stderr
    quarantined = read_json(line.root / "dataset" / "quarantine.json")["quarantined"]
    assert isinstance(quarantined, list)
    assert [(entry["path"], entry["kind"]) for entry in quarantined] == [("dark/bomb.png", "unreadable")]
    assert "50000000" in quarantined[0]["reason"]

    before = sha256_tree(line.root / "dataset")
    cut(pictures / "0.png")
    assert line.stage("refresh").returncode == 0
    done = line.stage("version_data")
    assert done.returncode == 12
    assert "dark/bomb.png" in done.stderr
    assert "dark/0.png" in done.stderr
    assert "Traceback" not in done.stderr
    assert sha256_tree(line.root / "dataset") == before
