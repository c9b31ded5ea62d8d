import importlib.util
import sys
from pathlib import Path

import fsspec
import pytest

from components.errors import DigestMismatch, SourceError
from components.sources import open_source
from components.sources.stores import ObjectSource

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def bucket(tmp_path: Path) -> fsspec.AbstractFileSystem:
    """fsspec's in-memory store, which speaks the interface that s3fs implements."""
    store = fsspec.filesystem("memory", skip_instance_cache=True)
    store.store.clear()
    store.pipe({"/bucket/data/b.txt": b"abc", "/bucket/data/a/x.txt": b"abc", "/bucket/other.txt": b"no"})
    return store


def test_objects_below_the_prefix_are_listed_and_read(
    bucket: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    source = ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path)
    assert [(e.path, e.size, e.sha256) for e in source.list()] == [("a/x.txt", 3, ABC), ("b.txt", 3, ABC)]
    assert source.read("b.txt") == b"abc"
    with pytest.raises(SourceError, match="no object"):
        source.read("other.txt")
    ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path, source.revision).list()
    with pytest.raises(DigestMismatch):
        ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path, "0" * 64).list()


def test_an_empty_prefix_is_an_error(bucket: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no objects"):
        ObjectSource("s3://bucket/none", bucket, "bucket/none", tmp_path).list()


def test_a_damaged_copy_is_noticed_and_fetched_again(
    bucket: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    source = ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path)
    source.list()
    for file in (tmp_path / "downloads" / "objects").glob("*/*"):
        file.write_bytes(b"abd")
    with pytest.raises(DigestMismatch, match="in the cache"):
        source.read("b.txt")
    # A new listing fetches it again instead of believing the damage.
    assert ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path).read("b.txt") == b"abc"


def test_a_new_object_alone_is_fetched(bucket: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    kept = tmp_path / "downloads" / "objects"
    ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path).list()
    before = {file: file.stat().st_mtime_ns for file in kept.glob("*/*")}
    bucket.pipe({"/bucket/data/new.txt": b"new"})
    source = ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path)
    assert [e.path for e in source.list()] == ["a/x.txt", "b.txt", "new.txt"]
    assert {file: file.stat().st_mtime_ns for file in kept.glob("*/*") if file in before} == before


def test_a_malformed_hf_uri_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="hf://owner/name@revision"):
        open_source("hf://owner/name/path", None, tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("huggingface_hub") is not None, reason="it is installed")
def test_a_missing_hub_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"graftline\[hf\]"):
        open_source("hf://o/n@main/x", None, tmp_path)


def test_a_missing_s3fs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SourceError, match=r"graftline\[s3\]"):
        open_source("s3://bucket/x", None, tmp_path)


def test_named_objects_alone_are_fetched_and_counted(
    bucket: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    source = ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path, only=("b.txt", "none.txt"))
    assert [entry.path for entry in source.list()] == ["b.txt"]
    assert len([*(tmp_path / "downloads" / "objects").glob("*/*")]) == 1
    bucket.pipe({"/bucket/data/new.txt": b"new"})
    ObjectSource("s3://bucket/data", bucket, "bucket/data", tmp_path, source.revision, ["b.txt"]).list()
