"""What is read from and written to S3, against a process that speaks it."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from s3 import speaking

from components.errors import DataError, SourceError, StorageError
from components.inference.inputs import Objects
from components.sources.prefix import open_prefix
from components.sources.stores import open_s3
from components.storage.upload import upload

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'graftline[s3]'")


@pytest.fixture(scope="module")
def s3() -> Iterator[Mapping[str, str]]:
    with speaking() as environment:
        yield environment


@pytest.fixture
def bucket(s3: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator["s3fs.S3FileSystem"]:
    """An own client beside ours, to put objects there; emptied after each test."""
    for key, value in s3.items():
        monkeypatch.setenv(key, value)
    files = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    files.mkdir("bucket")
    files.pipe({"bucket/data/b.txt": b"abc", "bucket/data/a/x.txt": b"xyz", "bucket/database.txt": b"no"})
    yield files
    files.rm("bucket", recursive=True)


def test_a_source_lists_and_fetches_what_is_below_its_prefix(
    bucket: "s3fs.S3FileSystem", tmp_path: Path
) -> None:
    source = open_s3("s3://bucket/data", None, tmp_path)
    assert [entry.path for entry in source.list()] == ["a/x.txt", "b.txt"]
    assert source.read("a/x.txt") == b"xyz"
    before = source.revision
    bucket.pipe("bucket/data/b.txt", b"abd")  # as long as before: only the ETag tells
    assert open_s3("s3://bucket/data", None, tmp_path).revision != before
    with pytest.raises(SourceError, match="s3://bucket/data"):
        open_s3("s3://bucket/data", before, tmp_path).list()


def test_a_bucket_that_is_not_there_or_not_reachable_is_named(
    bucket: "s3fs.S3FileSystem", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="s3://nobody/data"):
        open_s3("s3://nobody/data", None, tmp_path).list()
    with pytest.raises(SourceError, match="holds no objects"):
        open_prefix("s3://bucket/none").objects()


def test_scoring_reads_a_prefix_object_by_object(bucket: "s3fs.S3FileSystem") -> None:
    first, second = Objects(open_prefix("s3://bucket/data"))
    assert (first.id, first.load(), second.id) == ("a/x.txt", b"xyz", "b.txt")
    bucket.rm("bucket/data/b.txt")
    with pytest.raises(DataError, match="No such object"):
        second.load()


def test_scores_are_copied_with_the_manifest_last(bucket: "s3fs.S3FileSystem", tmp_path: Path) -> None:
    (tmp_path / "part-000000.parquet").write_bytes(b"rows")
    (tmp_path / "_plan.json").write_bytes(b"{}")
    with pytest.raises(StorageError, match="is not finished"):
        upload(tmp_path, "s3://bucket/scores/2026-11-21")
    (tmp_path / "_manifest.json").write_bytes(b"{}")
    assert upload(tmp_path, "s3://bucket/scores/2026-11-21/") == 2
    found = bucket.find("bucket/scores", detail=True)
    assert [name.rpartition("/")[2] for name in found] == ["_manifest.json", "part-000000.parquet"]
    assert bucket.cat_file("bucket/scores/2026-11-21/part-000000.parquet") == b"rows"
    with pytest.raises(StorageError, match=r"nobody/x: part-000000\.parquet cannot be written"):
        upload(tmp_path, "s3://nobody/x")


def test_dvc_pushes_to_a_bucket_and_pulls_what_was_lost(bucket: "s3fs.S3FileSystem", tmp_path: Path) -> None:
    from dvc.repo import Repo

    with Repo.init(str(tmp_path), no_scm=True) as repo:
        with repo.config.edit() as settings:
            settings["core"] = {"remote": "store", "analytics": False}
            settings["remote"]["store"] = {
                "url": "s3://bucket/dvc",
                "endpointurl": os.environ["AWS_ENDPOINT_URL"],
            }
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.bin").write_bytes(b"weights")
        repo.add(str(tmp_path / "out"))
        assert repo.push() == 2  # the file, and the folder's list
        for folder in ("out", ".dvc/cache"):
            shutil.rmtree(tmp_path / folder)
        repo.pull()
    assert (tmp_path / "out" / "a.bin").read_bytes() == b"weights"
