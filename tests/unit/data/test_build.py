import csv
import io
import json
import random
import re
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from pictures import Build, png, two_classes, write
from PIL import Image

from components.data.dataset import Dataset
from components.errors import DataError
from components.params.data import Labels, Limits, NearDuplicates
from components.params.task import TaskParams
from components.problems.classification.target import Reading
from components.problems.classification.target.warnings import look_alike
from components.problems.labels import Labelled, Remedies
from components.storage.publish import sha256_tree

Report = dict[str, dict[str, object]]


def report_of(folder: Path) -> Report:
    return cast(Report, json.loads((folder / "report.json").read_text()))


def table(rows: list[dict[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def listed(count: int = 40, **columns: object) -> tuple[dict[str, bytes], list[dict[str, object]]]:
    files = {f"img/{i:03}.png": png(i) for i in range(count)}
    rows = [{"path": path, "label": "ab"[i % 2]} for i, path in enumerate(files)]
    return files, rows


def test_folders_become_a_dataset(tmp_path: Path, build: Build) -> None:
    files = two_classes()
    built = build(write(tmp_path / "src", files | {"README": b"hi", "a/.DS_Store": b"x"}), tmp_path / "out")
    data = Dataset.open(tmp_path / "out")
    assert (built.samples, built.quarantined, built.excluded) == (40, 0, 0)
    assert data.description["classes"] == ["a", "b"]
    assert sorted(data.read(name) for name in data.ids()) == sorted(files.values())
    assert report_of(tmp_path / "out")["targets"] == {"a": 20, "b": 20}
    assert report_of(tmp_path / "out")["ignored_files"] == 2
    assert not [p for p in (tmp_path / "out").rglob("*") if p.suffix == ".partial"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, build: Build) -> None:
    files = two_classes()
    build(write(tmp_path / "src", files), tmp_path / "one", threads=1)
    build(tmp_path / "src", tmp_path / "two", threads=3)
    assert sha256_tree(tmp_path / "one") == sha256_tree(tmp_path / "two")


def test_bytes_do_not_depend_on_history(tmp_path: Path, build: Build) -> None:
    """Grown in two steps, with something added and removed again, or made at once: the same."""
    files = two_classes(44)
    names = sorted(files)
    random.Random(1).shuffle(names)
    source = write(tmp_path / "src", {name: files[name] for name in names[:36]})
    build(source, tmp_path / "early", limits={"min_per_class": 1})
    early = Dataset.open(tmp_path / "early")
    write(source, {name: files[name] for name in names[36:]} | {"a/x.png": png(999)})
    (source / "a/x.png").unlink()
    build(source, tmp_path / "out")
    other = source.rename(tmp_path / "gone")
    build(write(tmp_path / "src", files), tmp_path / "fresh")
    assert sha256_tree(tmp_path / "out") == sha256_tree(tmp_path / "fresh")
    late = Dataset.open(tmp_path / "out")
    sides = dict(zip(late.ids(), late.table.column("split").to_pylist(), strict=True))
    before = zip(early.ids(), early.table.column("split").to_pylist(), strict=True)
    assert all(sides[name] == side for name, side in before)
    assert other.exists()


def test_a_labels_file_with_conditions_groups_and_slices(tmp_path: Path, build: Build) -> None:
    files, rows = listed(60)
    rows = [
        row | {"p": (i % 4) / 3, "type": "mp"[i % 3 == 0], "module": i // 3} for i, row in enumerate(rows)
    ]
    build(
        write(tmp_path / "src", files | {"labels.csv": table(rows)}),
        tmp_path / "out",
        layout="labels",
        labels={
            "label": "p",
            "classes": {"good": "< 0.5", "bad": ">= 0.5"},
            "slices": ["type"],
            "group": "module",
        },
    )
    data = Dataset.open(tmp_path / "out")
    assert data.description["classes"] == ["good", "bad"]
    assert set(data.slices("train")) == {"type"}
    sides: dict[str, set[str]] = {}
    for row in data.table.to_pylist():
        number = int(Path(row["path"]).stem)
        assert row["label"] == ["good", "bad"][(number % 4) // 2]
        assert row["slice.type"] == "mp"[number % 3 == 0]
        sides.setdefault(row["group"], set()).add(row["split"])
    assert len(sides) == 20
    assert all(len(found) == 1 for found in sides.values())


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_few_groups_are_folded(fold: int, tmp_path: Path, build: Build) -> None:
    files, rows = listed(60)
    rows = [row | {"machine": f"m{i // 2 % 5}"} for i, row in enumerate(rows)]
    build(
        write(tmp_path / "src", files | {"labels.csv": table(rows)}),
        tmp_path / "out",
        layout="labels",
        labels={"group": "machine"},
        split={"folds": 3, "fold": fold, "validation": 0.2, "calibration": 0.2, "train": 0.4},
    )
    sides: dict[str, set[str]] = {}
    for row in Dataset.open(tmp_path / "out").table.to_pylist():
        sides.setdefault(row["group"], set()).add(row["split"])
    assert sorted(map(sorted, sides.values()))[0] == ["calibration", "validation"]
    assert {"train"} in sides.values()
    assert {"test"} in sides.values()
    assert all(len(found) == 1 or found == {"calibration", "validation"} for found in sides.values())


def test_texts_may_stand_in_the_table_itself(tmp_path: Path, build: Build) -> None:
    lines = [
        f'"mail {n}, about {"money" if n % 2 else "tea"}",{"spam" if n % 2 else "ham"}' for n in range(80)
    ]
    lines += [lines[3], '"  ",ham', "mail 5 again,spam"]
    build(
        write(tmp_path / "src", {"mails.csv": "\n".join(["body,kind", *lines]).encode()}),
        tmp_path / "out",
        modality="text",
        layout="manifest",
        labels={"file": "mails.csv", "text": "body", "label": "kind"},
        limits={"min_per_class": 5, "quarantine_share": 0.1},
    )
    data = Dataset.open(tmp_path / "out")
    assert data.description["classes"] == ["ham", "spam"]
    rows = {row["path"]: row for row in data.table.to_pylist()}
    assert len(rows) == 81 - len(
        excluded(tmp_path / "out")
    )  # one of the two equal texts, and none of the empty
    first = rows.get("mails.csv#4") or rows["mails.csv#81"]
    assert data.read(first["id"]) == b"mail 3, about money"
    assert (first["characters"], first["words"]) == (19, 4)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["identical_copies"] == 1
    assert report["quarantine"]["kinds"] == {"unreadable": 1}


def test_texts_of_json_lines_are_kept_or_quarantined_one_by_one(tmp_path: Path, build: Build) -> None:
    """CASES 10, 11, 14: a missing text, half of a character, and line ends that are none."""
    rows = [{"text": f"mail {n} is about {n * n}\u2028and more", "label": "ab"[n % 2]} for n in range(60)]
    rows += [{"label": "a"}, {"text": "half \ud83d of one", "label": "b"}, {"text": "no label"}]
    build(
        write(tmp_path / "src", {"t.jsonl": "\n".join(map(json.dumps, rows)).encode()}),
        tmp_path / "out",
        modality="text",
        layout="manifest",
        labels={"file": "t.jsonl", "text": "text"},
        limits={"min_per_class": 1, "quarantine_share": 0.1},
        near_duplicates={"hash_distance": 0, "correlation": 1.0},
    )
    found = json.loads((tmp_path / "out" / "quarantine.json").read_text())["quarantined"]
    assert {item["path"]: item["reason"].split(";")[0] for item in found} == {
        "t.jsonl#61": "is empty",
        "t.jsonl#62": "holds half of a character, '\\ud83d' at byte 5",
        "t.jsonl#63": "has no label in t.jsonl, row 63 (line 63)",
    }
    data = Dataset.open(tmp_path / "out")
    assert sum("\u2028" in data.read(name).decode() for name in data.ids()) == len(data) == 60


def excluded(out: Path) -> list[object]:
    report = json.loads((out / "report.json").read_text())
    found: list[object] = report["near_duplicates"]["excluded_samples"]
    return found


def test_a_split_column_is_followed(tmp_path: Path, build: Build) -> None:
    files, rows = listed()
    order = ["train", "validation", "test", "calibration"]
    rows = [row | {"side": order[i // 2 % 4]} for i, row in enumerate(rows)]
    build(
        write(tmp_path / "src", files | {"m/t.csv": table([r | {"path": f"../{r['path']}"} for r in rows])}),
        tmp_path / "out",
        layout="manifest",
        labels={"file": "m/t.csv", "split": "side"},
    )
    for row in Dataset.open(tmp_path / "out").table.to_pylist():
        assert row["split"] == order[int(Path(row["path"]).stem) // 2 % 4]


def test_paths_must_not_leave_the_source(tmp_path: Path, build: Build) -> None:
    files, rows = listed()
    rows[0]["path"] = "../../etc/passwd"
    with pytest.raises(DataError, match="leaves the source"):
        build(write(tmp_path / "src", files | {"labels.csv": table(rows)}), tmp_path / "out", layout="labels")


def test_what_cannot_be_decoded_is_quarantined_with_its_reason(tmp_path: Path, build: Build) -> None:
    bomb = io.BytesIO()
    Image.new("1", (8000, 7000)).save(bomb, "PNG")
    bad = {"a/cut.png": png(500)[:200], "b/text.png": b"hello", "a/bomb.png": bomb.getvalue()}
    build(write(tmp_path / "src", two_classes() | bad), tmp_path / "out", limits={"quarantine_share": 0.1})
    found = json.loads((tmp_path / "out" / "quarantine.json").read_text())["quarantined"]
    assert {item["path"]: item["kind"] for item in found} == dict.fromkeys(bad, "unreadable")
    assert "8000×7000 pixels" in found[0]["reason"]
    assert report_of(tmp_path / "out")["quarantine"] == {
        "samples": 3,
        "share": round(3 / 43, 6),
        "kinds": {"unreadable": 3},
    }
    assert len(Dataset.open(tmp_path / "out")) == 40


def test_too_many_bad_samples_fail_the_stage(tmp_path: Path, build: Build) -> None:
    bad = {f"a/bad{i}.png": b"no" + bytes([i]) for i in range(3)}
    with pytest.raises(
        DataError, match=r"3 of 43 samples cannot be used \(3 unreadable\).*a/bad0\.png: cannot"
    ):
        build(write(tmp_path / "src", two_classes() | bad), tmp_path / "out")


def test_missing_files_and_empty_labels_are_named(tmp_path: Path, build: Build) -> None:
    files, rows = listed()
    rows[0]["label"] = ""
    rows.append({"path": "img/none.png", "label": "a"})
    build(
        write(tmp_path / "src", files | {"labels.csv": table(rows)}),
        tmp_path / "out",
        layout="labels",
        limits={"quarantine_share": 0.1, "min_per_class": 3},
    )
    assert report_of(tmp_path / "out")["quarantine"]["kinds"] == {"missing": 1, "unlabelled": 1}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["x;y", "y;z", "x;z", "z;x"], "task.separator is '|', which no cell holds, but 40 rows hold ';'"),
        (
            ["x|y", "", "y", "x"],
            'holds nothing in 10 rows. If such a sample has none of the labels, write `none: ""`',
        ),
    ],
)
def test_what_is_probably_not_meant_is_told_where_the_data_are_refused(
    tmp_path: Path, build: Build, cells: list[str], words: str
) -> None:
    files, rows = listed()
    for number, row in enumerate(rows):
        row["label"] = cells[number % len(cells)]
    source = write(tmp_path / "src", files | {"labels.csv": table(rows)})
    with pytest.raises(DataError) as caught:
        build(source, tmp_path / "out", layout="labels", problem="multi_label", limits={"min_per_class": 30})
    assert words in caught.value.remedy


@pytest.mark.parametrize(
    ("names", "suspected"),
    [
        ([f"{number / 4}" for number in range(4)], True),
        ([f"{number}" for number in range(21)], True),
        ([f"-{number}.5e1" for number in range(21)], True),
        ([f"{number}" for number in range(20)], False),
        (["1.0", "2.0", "3.0"], False),
        (["0", "1"], False),
        ([f"{number}" for number in range(30)] + ["other"], False),
        ([f"class {number}" for number in range(30)], False),
    ],
)
def test_classes_that_are_numbers_to_be_predicted_are_suspected(names: list[str], suspected: bool) -> None:
    reading = Reading(Labels(), TaskParams(), names)
    told = " ".join(reading.warnings([]))
    assert (f"All {len(names)} classes are numbers" in told) is suspected
    with pytest.raises(DataError) as caught:
        reading.check([Labelled(name, "train") for name in names], Limits(), Remedies())
    assert ("take task.problem: regression" in str(caught.value)) is suspected


def test_identical_contents_are_one_sample(tmp_path: Path, build: Build) -> None:
    files = two_classes()
    build(write(tmp_path / "src", files | {"a/again.png": files["a/000.png"]}), tmp_path / "out")
    assert report_of(tmp_path / "out")["identical_copies"] == 1
    assert len(Dataset.open(tmp_path / "out")) == 40


def test_contradicting_labels_are_reported_and_quarantined(tmp_path: Path, build: Build) -> None:
    files = two_classes()
    build(
        write(tmp_path / "src", files | {"b/liar.png": files["a/000.png"]}),
        tmp_path / "out",
        limits={"quarantine_share": 0.1, "min_per_class": 3},
    )
    found = json.loads((tmp_path / "out" / "quarantine.json").read_text())["quarantined"]
    assert [item["path"] for item in found] == ["a/000.png", "b/liar.png"]
    assert found[0]["reason"] == "one content with labels a (a/000.png), b (b/liar.png)"
    assert report_of(tmp_path / "out")["contradictions"]["contents"] == 1
    assert len(Dataset.open(tmp_path / "out")) == 39


def test_a_reencoded_copy_never_lies_on_another_side(tmp_path: Path, build: Build) -> None:
    files = two_classes()
    copies = {f"{name}.webp": png(int(name[2:5]), 64, "WEBP") for name in list(files)[:20]}
    build(write(tmp_path / "src", files | copies), tmp_path / "out", split={"salt": "t"})
    near = report_of(tmp_path / "out")["near_duplicates"]
    rows = Dataset.open(tmp_path / "out").table.to_pylist()
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["path"][:5], set()).add(row["split"])
    assert near["pairs"] == 20
    assert near["straddling_pairs"] == near["excluded"] == 60 - len(rows)
    assert 0 < cast(int, near["excluded"]) < 20
    assert all(len(found) == 1 for found in sides.values())
    rank = ["train", "validation", "calibration", "test"]
    for gone in cast(list[dict[str, str]], near["excluded_samples"]):
        assert rank.index(gone["side"]) < rank.index(gone["on_side"])


@pytest.mark.parametrize(
    ("files", "labels", "message"),
    [
        ({f"a/{i}.png": png(i) for i in range(9)}, {}, "'a' is the only class"),
        (two_classes(), {"classes": {"a": "a", "b": "b", "c": "c"}}, "class 'c' is empty"),
        (
            two_classes(),
            {"classes": {"a": "a"}},
            r"no class of data\.labels\.classes: 'b' \(20 samples, the first: b/001",
        ),
        (two_classes() | {"c/1.png": png(99)}, {}, "class 'c' has 1 sample, fewer than 3"),
    ],
)
def test_bad_classes_are_named_before_any_work(
    tmp_path: Path, build: Build, files: dict[str, bytes], labels: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        build(write(tmp_path / "src", files), tmp_path / "out", labels=labels)
    assert not (tmp_path / "out").exists()


def test_a_column_of_names_is_no_column_of_classes_and_not_all_are_listed(
    tmp_path: Path, build: Build
) -> None:
    files = {f"c{i:03}/{i}.png": png(i) for i in range(60)}
    with pytest.raises(
        DataError, match=r"c009.*; and so on, 60 in all, of 60 classes\. Does data\.labels\.label"
    ) as e:
        build(write(tmp_path / "src", files), tmp_path / "out")
    assert "c010" not in str(e.value)


def test_a_positive_class_that_is_none_is_refused_before_any_work(tmp_path: Path, build: Build) -> None:
    root = write(
        tmp_path / "src", {f"{name}/{i}.png": png(i) for name in ("angry", "happy") for i in range(9)}
    )
    with pytest.raises(
        DataError, match=r"'angri', which is no class .*; did you mean 'angry'\? The classes are angry, happy"
    ):
        build(root, tmp_path / "out", positive="angri")
    assert not (tmp_path / "out").exists()


def test_a_class_must_be_on_each_side_that_needs_it(tmp_path: Path, build: Build) -> None:
    files, rows = listed(8)
    rows = [row | {"side": ["train", "train", "validation", "test"][i // 2]} for i, row in enumerate(rows)]
    rows[6]["side"] = "train"
    with pytest.raises(DataError, match="class 'a' has 4 samples, but none in the split test"):
        build(
            write(tmp_path / "src", files | {"labels.csv": table(rows)}),
            tmp_path / "out",
            layout="labels",
            labels={"split": "side"},
        )


def grouped(groups: list[str], shared: int = 4) -> tuple[dict[str, bytes], list[dict[str, object]]]:
    """Four files of each class in each group; of the first class, `shared` groups hold one picture in common."""
    files, rows = {}, []
    for g, group in enumerate(groups):
        for n in range(8):
            path = f"{g:02}{n}.png"
            files[path] = png(7777 if n == 0 and g < shared else 100 * g + n)
            rows.append({"path": path, "label": "ab"[n % 2], "who": group})
    return files, rows


def test_one_content_of_several_groups_is_no_contradiction(tmp_path: Path, build: Build) -> None:
    """It counts once, in the group on the highest side: what others wrote, too, is in no lower side."""
    files, rows = grouped([f"user {n}" for n in range(24)])
    source = write(tmp_path / "src", files | {"labels.csv": table(rows)})
    build(source, tmp_path / "out", layout="labels", labels={"group": "who"})
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["quarantine"]["samples"] == 0
    assert report["identical_copies"] == 3
    found = {row["path"]: row for row in Dataset.open(tmp_path / "out").table.to_pylist()}
    rank = ["train", "validation", "calibration", "test"]
    sides = {row["group"]: row["split"] for row in found.values()}
    (kept,) = (path for path in ("000.png", "010.png", "020.png", "030.png") if path in found)
    of_four = [rank.index(sides[f"user {n}"]) for n in range(4)]
    assert len(set(of_four)) > 1
    assert rank.index(found[kept]["split"]) == max(of_four)
    assert report["copies_on_lower_sides"] == sum(place < max(of_four) for place in of_four)


def test_one_content_of_several_groups_and_labels_is_still_a_contradiction(
    tmp_path: Path, build: Build
) -> None:
    files, rows = grouped([f"user {n}" for n in range(24)])
    rows[0]["label"] = "b"
    source = write(tmp_path / "src", files | {"labels.csv": table(rows)})
    limits = {"quarantine_share": 0.1}
    build(source, tmp_path / "out", layout="labels", labels={"group": "who"}, limits=limits)
    found = json.loads((tmp_path / "out" / "quarantine.json").read_text())["quarantined"]
    reason = "one content with labels a (labels.csv, row 9 (line 10)), b (labels.csv, row 1 (line 2))"
    assert {item["reason"] for item in found} == {reason}
    assert len(found) == 4


def fixture(count: int = 60) -> dict[str, bytes]:
    """A part in a fixture before one camera, half of them with a small defect."""
    still = np.asarray(Image.open(io.BytesIO(png(1)))).astype(np.int16)
    files = {}
    for n in range(count):
        draw = np.random.default_rng(n)
        pixels = still + draw.integers(-3, 4, still.shape)
        if n % 2:
            x, y = draw.integers(5, 55, 2)
            pixels[y : y + 5, x : x + 5] = 0
        buffer = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
        files[f"{'ab'[n % 2]}/{n:03}.png"] = buffer.getvalue()
    return files


def test_a_fixed_camera_is_told_of_near_duplicates_and_may_switch_them_off(
    tmp_path: Path, build: Build
) -> None:
    source = write(tmp_path / "src", fixture())
    with pytest.raises(DataError, match="The classes cannot be learned") as caught:
        build(source, tmp_path / "out")
    assert re.search(
        r"\d\d of 60 samples were left out as near copies .* write `near_duplicates: off` below data, and name "
        r".* in data\.labels\.group",
        str(caught.value),
    )
    built = build(source, tmp_path / "off", near_duplicates=False)  # what YAML makes of `off`
    assert (built.samples, built.excluded) == (60, 0)
    assert NearDuplicates.model_validate("off") == NearDuplicates(enabled=False)


def test_the_notes_begin_with_one_paragraph_of_all_counts(tmp_path: Path, build: Build) -> None:
    files = two_classes() | {"a/x.txt": b"", "b/bad.png": b"no", "a/copy.png": two_classes()["a/000.png"]}
    built = build(write(tmp_path / "src", files), tmp_path / "out", limits={"quarantine_share": 0.1})
    sides = report_of(tmp_path / "out")["sides"]
    counts = {side: cast(dict[str, int], facts)["samples"] for side, facts in sides.items()}
    assert built.notes[0] == (
        f"40 samples of 2 classes: a 20, b 20. Splits: train {counts['train']}, validation {counts['validation']}, "
        f"calibration {counts['calibration']}, test {counts['test']}. Ignored files: 1 (.txt 1). "
        "Quarantined samples: 1 (unreadable 1). Near copies left out: 0; identical copies: 1."
    )
    assert report_of(tmp_path / "out")["notes"] == list(built.notes)


def test_few_test_samples_of_a_class_are_told_before_any_training(tmp_path: Path, build: Build) -> None:
    built = build(write(tmp_path / "src", two_classes(30)), tmp_path / "out")
    tests = cast(dict[str, dict[str, int]], report_of(tmp_path / "out")["sides"]["test"])["targets"]
    few = ", ".join(f"{name} {count}" for name, count in tests.items() if count < 6)
    assert few
    assert any(note.startswith(f"Fewer than 6 test samples: {few}. ") for note in built.notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("spam", "spam\u200b"),
        ("spam", "Spam"),
        ("caf\u00e9", "cafe\u0301"),
        ("spam", "sp\ufeffam"),
        ("spam", "spam\u00a0"),
        ("STRASSE", "stra\u00dfe"),
        ("\ufb01sh", "fish"),
    ],
)
def test_classes_that_look_alike_are_told(one: str, other: str) -> None:
    (said,) = look_alike([one, "ham", other])
    assert said.startswith(f"These classes look alike, but are separate: {one!a} and {other!a}. ")
    assert look_alike(["spam", "spam 2", "scope"]) == []


@pytest.mark.parametrize("letter", ["\u034f", "\ufe0f", "\ufe00", "\u115f", "\u180b", "\U000e0100", "\u200b"])
def test_letters_that_nobody_sees_tell_no_classes_apart(letter: str) -> None:
    assert len(look_alike([f"sp{letter}am", "ham", "spam"])) == 1


def deep(seed: int, bits: int) -> bytes:
    grid = np.random.default_rng(seed).random((12, 12)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(grid).resize((48, 48), Image.Resampling.BICUBIC)).clip(0, 1)
    buffer = io.BytesIO()
    Image.fromarray((smooth * (2**bits - 1)).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def test_unused_bits_of_16_bit_grey_are_measured_and_warned_of(tmp_path: Path, build: Build) -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": deep(n, 12) for n in range(40)}
    source = write(tmp_path / "src", files | {"a/plain.png": png(500)})
    built = build(source, tmp_path / "out")
    assert report_of(tmp_path / "out")["bits"] == {"min": 8, "median": 12.0, "max": 12}
    (said,) = (note for note in built.notes if "bits" in note)
    assert said == (
        "40 images in 16-bit grey use 12 bits, but task.bits is 16: only 16 of 256 levels are left. "
        "Write `bits: 12` below task."
    )
    assert not any("bits" in note for note in build(source, tmp_path / "told", bits=12).notes)
    assert any("becomes white" in note for note in build(source, tmp_path / "less", bits=10).notes)


def test_one_picture_of_16_bits_does_not_hide_that_the_others_use_12(tmp_path: Path, build: Build) -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": deep(n, 12 if n else 16) for n in range(40)}
    source = write(tmp_path / "src", files)
    other = (
        "1 of 40 images in 16-bit grey use up to 16 bits: what is brighter than 12 bits can say becomes white. "
        "Convert them at the source."
    )
    assert [note for note in build(source, tmp_path / "out").notes if "bits" in note] == [
        "39 of 40 images in 16-bit grey use 12 bits, but task.bits is 16: only 16 of 256 levels are left. "
        "Write `bits: 12` below task.",
        other,
    ]
    assert [note for note in build(source, tmp_path / "told", bits=12).notes if "bits" in note] == [other]
