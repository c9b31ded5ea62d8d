"""What a remote, or a branch, may not name: each list and each path is looked at before anything is written."""

import json
from pathlib import Path

import pytest
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_objects.fs.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as some

from components.errors import StorageError
from components.storage.listing import Entry, object_name, parse_listing, wrong_name, wrong_place

MD5 = "0123456789abcdef" * 2
GOOD = [Entry("a.bin", MD5), Entry("b/c.bin", MD5)]


def listing(*paths: str) -> bytes:
    return json.dumps([{"md5": MD5, "relpath": path} for path in paths]).encode()


def test_a_list_is_read() -> None:
    assert parse_listing(listing("a.bin", "b/c.bin"), "x.dir", "head") == GOOD
    assert parse_listing(listing("deep/program.py", "deep/Makefile", ".env"), "x.dir", "data/corpus")


@pytest.mark.parametrize(
    "path",
    [
        "../head.py", "/etc/x", "a//b", "./a", "a/./b", "a/..", "", "a/", "C:/x", "a\\..\\b", "a\0b", "b/.git/config",
        "b/.GIT/hooks/x", ".gitattributes", ".dvc/config", "x.dvc", "b/dvc.yaml", "yaml.py", "b/c.SO",
        "b/__init__.pyc", "x.pth", ".envrc", "b/.env", "Makefile", "b/GNUmakefile",
    ],
)  # fmt: skip
def test_no_list_names_such_a_file(path: str) -> None:
    with pytest.raises(StorageError, match=r"The object x\.dir of head names"):
        parse_listing(listing("a.bin", path), "x.dir", "head")


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a")])
def test_no_path_is_there_twice(paths: tuple[str, ...]) -> None:
    with pytest.raises(StorageError, match="twice"):
        parse_listing(listing(*paths), "x.dir", "head")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff", b"[" * 100_000, b"[1]", b'[{"relpath": "a"}]', b'[{"relpath": "a", "md5": "../../../x"}]',
     b'[{"relpath": 1, "md5": "%s"}]' % MD5.encode()],
)  # fmt: skip
def test_nothing_else_is_a_list(data: bytes) -> None:
    with pytest.raises(StorageError, match=r"The object x\.dir of head"):
        parse_listing(data, "x.dir", "head")


@given(some.text(alphabet="./a\\\0:gitdvc", max_size=12))
def test_what_is_allowed_stays_in_the_folder(path: str) -> None:
    if not wrong_name(path, "head"):
        folder = Path("/workspace/head")
        assert folder in (folder / path).resolve().parents


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/planted", "../outside", "data/../flows/x", "", "yaml.py", "components", "flows/more", "Tests/x",
        ".venv/bin/python", ".git/hooks/pre-push", "data/.hidden/x", "GNUmakefile.in", "uv.toml", "data/dvc.yaml",
        "data/x.dvc", "a\\b",
    ],
)  # fmt: skip
def test_no_dvc_file_has_its_output_there(tmp_path: Path, path: str) -> None:
    assert wrong_place(tmp_path, path, of_stage=False)


@pytest.mark.parametrize("path", ["images", "data/words.txt", "data/corpus/more"])
def test_a_dvc_file_brings_folders_and_what_lies_below_data(tmp_path: Path, path: str) -> None:
    assert not wrong_place(tmp_path, path, of_stage=False)
    assert not wrong_place(tmp_path, "verdict.json", of_stage=True)


def test_names_are_those_of_dvc(tmp_path: Path) -> None:
    """As DVC itself names a folder and a file."""
    for path, text in (("b/c.bin", "two"), ("a.bin", "one"), ("b.bin", "three"), ("ü/x y.txt", "")):
        (tmp_path / "folder" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / path).write_text(text)
    files = LocalFileSystem()
    store = LocalHashFileDB(files, str(tmp_path / "cache"))
    for path in (tmp_path / "folder", tmp_path / "folder" / "a.bin"):
        _, _, built = build(store, str(path), files, "md5", dry_run=True)
        assert object_name(path) == built.hash_info.value
