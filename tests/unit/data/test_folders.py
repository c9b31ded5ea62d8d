"""How folders become classes: splits, what stands around, what is no sample, and what is refused."""

import json
import zipfile
from pathlib import Path

import pytest
from pictures import Build, png, two_classes, write

from components.data.dataset import Dataset
from components.data.formats.folders import read_folders
from components.errors import DataError

SPLITS = {"train": 24, "val": 12, "test": 8}


def split_folders(names: tuple[str, str, str] = ("train", "val", "test")) -> dict[str, bytes]:
    """Two classes in each folder."""
    files, seed = {}, 0
    for name, count in zip(names, SPLITS.values(), strict=True):
        for _ in range(count):
            files[f"{name}/{'cat' if seed % 2 else 'dog'}/{seed:03}.png"] = png(seed)
            seed += 1
    return files


def rows(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = Dataset.open(folder).table.to_pylist()
    return found


def notes(folder: Path) -> list[str]:
    found: list[str] = json.loads((folder / "report.json").read_text())["notes"]
    return found


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "dev", "TEST")])
def test_folders_of_splits_are_the_split(tmp_path: Path, build: Build, names: tuple[str, str, str]) -> None:
    build(write(tmp_path / "src", split_folders(names)), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").description["classes"] == ["cat", "dog"]
    expected = dict(zip(names, ({"train"}, {"validation", "calibration"}, {"test"}), strict=True))
    found: dict[str, set[str]] = {}
    for row in rows(tmp_path / "out"):
        top, label, _ = row["path"].split("/")
        assert row["label"] == label
        found.setdefault(top, set()).add(row["split"])
    assert found == expected


def test_without_a_validation_folder_it_comes_out_of_train(tmp_path: Path, build: Build) -> None:
    files = {name: data for name, data in split_folders().items() if not name.startswith("val")}
    build(write(tmp_path / "src", files), tmp_path / "out")
    found: dict[str, set[str]] = {}
    for row in rows(tmp_path / "out"):
        found.setdefault(row["path"].split("/")[0], set()).add(row["split"])
    assert found == {"train": {"train", "validation", "calibration"}, "test": {"test"}}


def test_a_copy_in_training_of_a_test_sample_is_left_out_of_training(tmp_path: Path, build: Build) -> None:
    """Identical or near: what leaks between declared splits is handled as everywhere."""
    files = split_folders()
    test = next(name for name in files if name.startswith("test/cat"))
    files["train/cat/leak.png"] = files[test]
    files["train/cat/near.webp"] = png(int(test[-7:-4]), kind="WEBP")
    build(write(tmp_path / "src", files), tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["copies_on_lower_sides"] == 1
    assert report["near_duplicates"]["excluded"] == 1
    assert report["quarantine"]["samples"] == 0
    paths = {row["path"] for row in rows(tmp_path / "out")}
    assert test in paths
    assert not {"train/cat/leak.png", "train/cat/near.webp"} & paths


@pytest.mark.parametrize(
    ("tops", "said"),
    [
        (["cat/1", "dog/1", "test/1"], "'test' is the name of a split, but 'cat', 'dog' are not"),
        (["train/cat/1", "train/dog/1", "test/1"], "1 samples lie in 'test' itself, in no class's folder"),
        (["train/cat/1", "train/dog/1", "val/cow/1"], "'val' holds 'cow', which no training folder holds"),
        (["train/1", "test/1"], "are names of splits, but"),
        (["train/cat/1", "test/cat/1"], "the training folder holds a single class"),
    ],
)
def test_classes_and_splits_side_by_side_are_refused_with_every_way_out(tops: list[str], said: str) -> None:
    paths = [f"{top}.png" for top in tops]
    with pytest.raises(DataError, match=said) as caught:
        read_folders(paths, "images", "auto", "file:x")
    assert "`folders: classes`" in str(caught.value)
    assert "`folders: splits`" in str(caught.value)
    labels = [label for _, label, _ in read_folders(paths, "images", "classes", "file:x").samples]
    assert labels == [top.split("/")[0] for top in tops]


@pytest.mark.parametrize("tops", [["bus/1", "train/1"], ["invalid/1", "valid/1"], ["dev/1", "ops/1"]])
def test_words_that_are_classes_as_often_stay_classes(tops: list[str]) -> None:
    samples = read_folders([f"{top}.png" for top in tops], "images", "auto", "file:x").samples
    assert [label for _, label, _ in samples] == [top.split("/")[0] for top in tops]


@pytest.mark.parametrize("tops", [("training_set", "test_set"), ("seg_train", "seg_test"), ("train", "eval")])
def test_folders_that_hold_the_same_folders_may_be_splits_of_other_names(tops: tuple[str, str]) -> None:
    paths = [f"{top}/{label}/1.png" for top in tops for label in ("cat", "dog")] + ["unlabelled/1.png"]
    with pytest.raises(DataError, match=r"all hold 'cat', 'dog': they may be splits.*name them train, val"):
        read_folders(paths, "images", "auto", "file:x")
    labels = {label for _, label, _ in read_folders(paths, "images", "classes", "file:x").samples}
    assert labels == {*tops, "unlabelled"}


@pytest.mark.parametrize("dog", ["test", "train", "Val"])
def test_splits_within_classes_are_not_mixed_silently(dog: str) -> None:
    paths = ["cat/train/1.png", "cat/test/1.png", f"dog/{dog}/1.png"]
    with pytest.raises(DataError, match=r"Within 'cat', 'dog' lie the folders .*Move the splits to the top"):
        read_folders(paths, "images", "auto", "file:x")
    labels = [label for _, label, _ in read_folders(paths, "images", "classes", "file:x").samples]
    assert labels == ["cat", "cat", "dog"]


def test_what_lies_deeper_in_a_class_belongs_to_it() -> None:
    paths = ["cat/day/1.png", "cat/night/1.png", "dog/day/1.png", "dog/1.png", "cow/images/1.png"]
    labels = [label for _, label, _ in read_folders(paths, "images", "auto", "file:x").samples]
    assert labels == ["cat", "cat", "dog", "dog", "cow"]


def test_a_picture_beside_the_classes_in_a_folder_around_them_is_left_out() -> None:
    given = read_folders(["w/a/1.png", "w/b/1.png", "w/logo.png"], "images", "auto", "file:x")
    assert [sample[:2] for sample in given.samples] == [("w/a/1.png", "a"), ("w/b/1.png", "b")]
    assert given.notes[1] == "Files beside the folders of classes are left out: 'w/logo.png'."


def test_splits_that_are_said_must_be_ones() -> None:
    with pytest.raises(DataError, match=r"'splits', but 'cat' names no split\. Allowed: train"):
        read_folders(["cat/a/1.png", "test/a/1.png"], "images", "splits", "file:x")
    with pytest.raises(DataError, match="1 samples lie in 'test' itself"):
        read_folders(["train/a/1.png", "train/b/1.png", "test/1.png"], "images", "splits", "file:x")
    samples = read_folders(["train/a/1.png", "test/a/1.png"], "images", "splits", "file:x").samples
    assert list(samples) == [("train/a/1.png", "a", "train"), ("test/a/1.png", "a", "test")]


CLUTTER = {
    "a/Thumbs.db": b"x",
    "b/desktop.ini": b"x",
    "b/Icon\r": b"x",
    "a/000.txt": b"a caption",
    "a/000.json": b"{}",
    "b/notes.MD": b"#",
    "a/000.xmp": b"<x/>",
    "a/000.AAE": b"<x/>",
    "b/001.mov": b"a live photo",
    "b/001.mp4": b"x",
    "b/001.npy": b"x",
    "b/001.labels": b"x",
    "b/001.CR2": b"x",
    "annotations/000.xml": b"<a/>",
    "@eaDir/a/000.png/SYNOPHOTO_THUMB_M.png": png(900),
    "a/.@__thumb/000.png": png(901),
    "a/@eaDir/000.png/thumb.png": png(902),
    "#recycle/a/000.png": png(903),
    "__MACOSX/a/000.png": png(904),
    "labels.csv": b"x",
}


def test_what_is_surely_no_sample_is_left_out_counted_and_printed(tmp_path: Path, build: Build) -> None:
    built = build(write(tmp_path / "src", two_classes() | CLUTTER), tmp_path / "out")
    assert (built.samples, built.quarantined) == (40, 0)
    assert Dataset.open(tmp_path / "out").description["classes"] == ["a", "b"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["ignored_files"] == len(CLUTTER)
    assert report["ignored"] == {
        "hidden": 8,
        **dict.fromkeys(
            sorted(
                [
                    ".aae",
                    ".cr2",
                    ".csv",
                    ".json",
                    ".labels",
                    ".md",
                    ".mov",
                    ".mp4",
                    ".npy",
                    ".txt",
                    ".xml",
                    ".xmp",
                ]
            ),
            1,
        ),
    }
    assert "Ignored files: 20 (hidden 8, .aae 1" in built.notes[0]


def test_a_damaged_picture_is_no_ignored_file(tmp_path: Path, build: Build) -> None:
    bad = {"a/bad.jpg": b"no", "a/odd.picture": b"x"}
    build(write(tmp_path / "src", two_classes() | bad), tmp_path / "out", limits={"quarantine_share": 0.1})
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["ignored_files"] == 0
    assert report["quarantine"]["kinds"] == {"unreadable": 2}


PLACES = {
    "at the top": (["a/1.png", "b/1.png"], [""]),
    "below a folder": (["x/a/1.png", "x/b/1.png"], ["x/"]),
    "two deep": (["x/y/a/1.png", "x/y/b/1.png"], ["", "x/", "x/y/"]),
    "in splits": (["train/a/1.png", "train/b/1.png", "test/a/1.png"], ["train/", "test/"]),
    "in splits, deeper": (["x/train/a/1.png", "x/train/b/1.png", "x/test/a/1.png"], ["x/train/", "x/test/"]),
    "beside one class": (["x/a/1.png"], ["x/"]),
}


@pytest.mark.parametrize(("paths", "parents"), PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    ("name", "ending", "said"),
    [
        (".bird", "png", "begins with a dot: its 2 files are left out. Rename it if it is a class."),
        ("c", "npy", "holds no samples that can be read: 2 files such as .npy or .mp4 are left out."),
    ],
)
def test_a_class_does_not_vanish_silently(
    paths: list[str], parents: list[str], name: str, ending: str, said: str
) -> None:
    """CASES 7: a name with a dot, or files of another kind, wherever the folders of classes are."""
    lost = [f"{parent}{name}/{number}.{ending}" for parent in parents for number in (1, 2)]
    # What is in a class, or of a tool, is no class.
    others = [f"{parents[-1]}a/.cache/1.png", f"{parents[-1]}.git/1.png", f"{parents[-1]}a/1.npy"]
    notes = read_folders([*paths, *lost, *others], "images", "auto", "file:x").notes
    assert [note for note in notes if "All samples" not in note] == [
        f"The folder {parent + name!r} {said}" for parent in sorted(parents)
    ]


def test_a_refusal_names_the_class_that_was_left_out() -> None:
    """CASES 7: without it, the training folder holds a single class."""
    paths = ["train/a/1.png", "train/.b/1.png", "test/a/1.png"]
    with pytest.raises(DataError, match=r"a single class\..*'train/\.b' begins with a dot"):
        read_folders(paths, "images", "auto", "file:x")


def test_texts_in_folders_are_samples(tmp_path: Path, build: Build) -> None:
    files = {f"{'ab'[n % 2]}/{n}.txt": f"mail {n} about {'ab'[n % 2] * 3}".encode() for n in range(60)}
    files |= {"a/Thumbs.db": b"x", "a/read.md": b"a text about tea"}
    built = build(write(tmp_path / "src", files), tmp_path / "out", modality="text")
    assert built.samples + built.excluded == 61


@pytest.mark.parametrize("name", [".net", "..x"])
def test_a_folder_that_begins_with_a_dot_does_not_vanish_silently(
    tmp_path: Path, build: Build, name: str
) -> None:
    files = two_classes() | {f"{name}/{i}.png": png(i) for i in range(100, 104)} | {".git/x.png": b"x"}
    built = build(write(tmp_path / "src", files), tmp_path / "out")
    assert built.notes[1] == (
        f"The folder {name!r} begins with a dot: its 4 files are left out. Rename it if it is a class."
    )
    assert not any("'.git'" in note for note in built.notes)


def test_a_folder_around_all_classes_is_looked_through(tmp_path: Path, build: Build) -> None:
    files = {f"data/cells/{name}": data for name, data in two_classes().items()}
    files |= {"__MACOSX/data/x.png": b"", "data/cells/readme.txt": b""}
    built = build(write(tmp_path / "src", files), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").description["classes"] == ["a", "b"]
    assert "All samples lie below 'data/cells/': the folders in it count." in built.notes


def test_a_zip_of_a_folder_with_splits_inside(tmp_path: Path, build: Build) -> None:
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for name, data in split_folders().items():
            archive.writestr(f"cells/{name}", data)
    build(tmp_path / "cells.zip", tmp_path / "out")
    assert Dataset.open(tmp_path / "out").description["classes"] == ["cat", "dog"]
    assert {row["split"] for row in rows(tmp_path / "out") if "/test/" in row["path"]} == {"test"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"cells.zip": b"PK"}, r"no samples .* but an archive: 'cells\.zip'\. Name a \.zip itself"),
        ({"a/more.tar.gz": b"x"}, r"holds 1 archives among the samples: 'a/more\.tar\.gz'\. Unpack them"),
        ({"a\\1.png": b"x"}, r"names with backslashes .* pack it again"),
        ({"1.png": b"x"}, "holds no folders; .* has one for each class"),
    ],
)
def test_archives_and_flat_folders_are_refused_with_what_to_do(
    tmp_path: Path, build: Build, files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        build(write(tmp_path / "src", files), tmp_path / "out")


@pytest.mark.parametrize("name", ["cells.tar.gz", "cells.tgz", "cells.TAR", "cells.7z"])
def test_an_archive_that_is_no_zip_is_refused_as_a_source(tmp_path: Path, build: Build, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"an archive: .*unpack any other, or pack it again as \.zip"):
        build(tmp_path / name, tmp_path / "out")
