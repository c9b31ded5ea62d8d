"""Objects are listed once and read one by one; a store that is away is no property of an object."""

import sys
from collections.abc import Mapping

import fsspec
import pytest

from components.errors import DataError, SourceError
from components.inference.inputs import Objects
from components.sources.prefix import Prefix, open_prefix


@pytest.fixture
def bucket() -> fsspec.AbstractFileSystem:
    """fsspec's in-memory store, which speaks the interface that s3fs implements."""
    store = fsspec.filesystem("memory", skip_instance_cache=True)
    store.store.clear()
    store.pipe({"/bucket/data/b.txt": b"abc", "/bucket/data/a/x.txt": b"xyz", "/bucket/other.txt": b"no"})
    store.pipe(
        {"/bucket/data/@eaDir/b.txt": b"no", "/bucket/data/.x": b"no", "/bucket/data/a/Thumbs.db": b"no"}
    )
    return store


def test_objects_below_the_prefix_are_inputs(bucket: fsspec.AbstractFileSystem) -> None:
    inputs = Objects(Prefix("s3://bucket/data", bucket, "bucket/data/"))
    assert [(item.id, item.load()) for item in inputs] == [("a/x.txt", b"xyz"), ("b.txt", b"abc")]
    assert [item.state.split()[0] for item in inputs] == ["3", "3"]


def test_an_object_that_is_gone_has_a_reason_and_a_store_that_is_away_ends_the_job(
    bucket: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = Prefix("s3://key:secret@bucket/data", bucket, "bucket/data")
    first, second = Objects(prefix)
    bucket.rm("/bucket/data/a/x.txt")
    with pytest.raises(DataError, match="No such object"):
        first.load()

    def away(path: str) -> bytes:
        raise ConnectionError("no route to host.\nmore")

    monkeypatch.setattr(bucket, "cat_file", away)
    with pytest.raises(
        SourceError, match=r"s3://bucket/data: .*b\.txt cannot be read: no route to host\. "
    ) as said:
        second.load()
    assert "secret" not in str(said.value)


def test_an_empty_prefix_and_one_that_cannot_be_listed_are_errors(bucket: fsspec.AbstractFileSystem) -> None:
    with pytest.raises(SourceError, match="holds no objects"):
        Prefix("s3://bucket/none", bucket, "bucket/none").objects()

    class Closed:
        def find(self, path: str, detail: bool) -> Mapping[str, Mapping[str, object]]:
            raise PermissionError("Access Denied")

        def cat_file(self, path: str) -> bytes:
            raise PermissionError("Access Denied")

    with pytest.raises(SourceError, match="cannot be listed: Access Denied"):
        Prefix("s3://bucket/data", Closed(), "bucket/data").objects()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SourceError, match=r"graftline\[s3\]"):
        open_prefix("s3://bucket/x")
