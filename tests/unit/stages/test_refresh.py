import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.before import check_source
from components.data.dataset import Dataset
from components.data.splits import SIDES
from components.errors import DataError, DigestMismatch, ParamsError, SourceError
from components.params import Params
from components.params.load import check
from components.params.release import ExportParams
from components.stages import refresh as stage
from components.stages.enough import usable_samples
from components.stages.execute import execute
from components.stages.refresh import refresh
from components.stages.table import Context
from components.stages.version_data import run
from components.tracker import NullTracker

ROOT = Path(__file__).parents[3]


def picture(seed: int) -> bytes:
    grid = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grid).resize((48, 48)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose samples lie in `raw`, since longer than any clock's tick."""
    for seed in range(60):
        file = tmp_path / "raw" / "ab"[seed % 2] / f"{seed:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(seed))
    return tmp_path


LINEAR = {"method": "linear"}
GATE = {"rules": [{"metric": "accuracy", "at_least": 0.5}]}


def params_of(**data: object) -> Params:
    section = {"source": "file:raw", "licence": "CC0", "limits": {"min_per_class": 3}} | data
    return check({"data": section, "gate": GATE, "export": {"parity": {"samples": 10}}})


def version(root: Path, params: Params) -> Dataset:
    context = Context(NullTracker(), root / "cache", 2, ("cpu",))
    run({"data/source.lock": root / "data/source.lock"}, {"dataset": root / "dataset"}, params, context)
    return Dataset.open(root / "dataset")


def look(root: Path, params: Params | None = None) -> bool:
    return refresh(params or params_of(), root, root / "cache")


def test_refresh_says_whether_the_source_changed(root: Path) -> None:
    assert look(root)
    written = (root / "data/source.lock").stat().st_mtime_ns
    assert not look(root)
    assert (root / "data/source.lock").stat().st_mtime_ns == written
    (root / "raw/a/new.png").write_bytes(picture(99))
    assert look(root)
    assert "raw" in (root / "data/source.lock").read_text().splitlines()[0]
    assert str(root) not in (root / "data/source.lock").read_text()


def test_an_unchanged_folder_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SETTLED_SECONDS", -60.0)  # the fixture's files are young
    assert look(root)
    folder = root / "raw/a"
    (folder / "00.png").chmod(0o644)
    assert not look(root)
    note = next((root / "cache/refresh").iterdir())
    before = note.stat().st_mtime_ns
    assert not look(root)
    assert note.stat().st_mtime_ns == before  # it would have been written after reading
    os.utime(folder / "00.png")
    assert not look(root)
    assert note.stat().st_mtime_ns != before


def test_a_young_folder_is_read_again(root: Path) -> None:
    look(root)
    assert not (root / "cache/refresh").exists()


def test_a_change_that_keeps_size_and_time_is_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SETTLED_SECONDS", -60.0)
    look(root)
    file = root / "raw/a/00.png"
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    raw = bytearray(file.read_bytes())
    raw[-20] ^= 1
    file.write_bytes(raw)
    os.utime(file, ns=times)
    assert look(root)


def test_a_link_to_nowhere_is_the_source_s_to_explain(root: Path) -> None:
    (root / "raw/a/lost.png").symlink_to(root / "nowhere")
    with pytest.raises(SourceError, match=r"lost\.png"):
        look(root)


@pytest.mark.parametrize("damage", ["remove", "edit"])
def test_a_lost_or_edited_lock_is_written_again(
    root: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SETTLED_SECONDS", -60.0)
    look(root)
    lock = root / "data/source.lock"
    text = lock.read_text()
    if damage == "remove":
        lock.unlink()
    else:
        lock.write_text(text + "\n")
    assert look(root)
    assert lock.read_text() == text


def test_version_data_makes_the_dataset_of_the_lock(root: Path) -> None:
    look(root)
    data = version(root, params_of())
    assert len(data) == 60
    assert data.licence == "CC0"
    assert data.source == "file:raw"


def test_what_was_read_is_printed_in_any_case(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "raw/a/notes.txt").write_text("x")
    look(root)
    data = version(root, params_of())
    sides = ", ".join(f"{side} {len(data.ids(side))}" for side in SIDES)
    assert (
        f"Read 60 samples of 2 classes: a 30, b 30. Splits: {sides}. Ignored files: 1 (.txt 1). "
        "Quarantined samples: 0. Near copies left out: 0; identical copies: 0.\n"
    ) in capsys.readouterr().err


def test_small_classes_pass_with_the_default_shares_and_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """12 classes of 26: by the hash alone some class is on no calibration side."""
    for seed in range(12 * 26):
        file = tmp_path / "raw" / f"c{seed % 12:02}" / f"{seed:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(seed))
    params = params_of(limits={})
    look(tmp_path, params)
    data = version(tmp_path, params)
    assert len(data) == 12 * 26
    for side, least in (("validation", 3), ("calibration", 2), ("test", 5)):
        assert min(np.bincount(data.targets(side), minlength=12)) >= least
    said = capsys.readouterr().err
    assert "Warning: Fewer than 6 test samples: c0" in said
    lock = (tmp_path / "data/source.lock").read_text()
    assert not look(tmp_path, params)
    (tmp_path / "data/source.lock").write_text(
        lock + "x"
    )  # damaged: what it said is lost, the rest is the same
    assert look(tmp_path, params)
    assert (tmp_path / "data/source.lock").read_text() == lock


def test_another_split_is_seen_although_no_file_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SETTLED_SECONDS", -60.0)
    look(root)
    assert look(root, params_of(split={"salt": "other"}))


def test_a_source_that_changed_since_is_refused(root: Path) -> None:
    look(root)
    (root / "raw/a/00.png").write_bytes(picture(77))
    with pytest.raises(DigestMismatch, match=r"a/00\.png at .* refresh"):
        version(root, params_of())


def test_a_lock_of_other_parameters_is_refused(root: Path) -> None:
    look(root)
    with pytest.raises(DataError, match="written for other parameters"):
        version(root, params_of(licence="other"))


def test_limits_beyond_what_a_release_decodes_are_refused(root: Path) -> None:
    params = params_of(limits={"max_pixels": 50_000_001})
    look(root, params)
    with pytest.raises(ParamsError, match="decodes at most 50000000"):
        version(root, params)


def test_too_few_samples_for_parity_are_refused_before_any_work(root: Path) -> None:
    asking = params_of().model_copy(update={"export": ExportParams()})
    with pytest.raises(DataError, match=r"samples is 200, but off the test side there are \d+ samples"):
        look(root, asking)
    assert not (root / "data/source.lock").exists()


def write_mails(root: Path, count: int) -> dict[str, object]:
    """A table of texts; the section `data` that names it."""
    rows = [
        f"m{number},a letter about {number} {'ab'[number % 2] * 5},{'ab'[number % 2]}"
        for number in range(count)
    ]
    (root / "mails").mkdir()
    (root / "mails" / "mails.csv").write_text("\n".join(["id,text,kind", *rows]))
    labels = {"file": "mails.csv", "text": "text", "path": "id", "label": "kind"}
    return {"source": "file:mails", "layout": "manifest", "labels": labels, "near_duplicates": "off"}


def mails(root: Path, count: int, samples: int) -> Params:
    section = {"licence": "CC0", "limits": {"min_per_class": 3}, **write_mails(root, count)}
    made = check(
        {"data": section, "gate": GATE, "task": {"modality": "text"}, "backbone": {"name": "minilm_l6"}}
    )
    return made.model_copy(update={"export": ExportParams(parity={"samples": samples})})


def test_a_small_table_of_texts_is_refused_by_the_number_that_the_dataset_will_have(tmp_path: Path) -> None:
    params = mails(tmp_path, 60, 60)
    with pytest.raises(DataError) as caught:
        look(tmp_path, params)
    fewer = int(str(caught.value).split("there are ")[1].split()[0])
    assert f"Lower it to {fewer} or less, or add samples." in str(caught.value)
    enough = params.model_copy(update={"export": ExportParams(parity={"samples": fewer})})
    assert look(tmp_path, enough)
    dataset = version(tmp_path, enough)
    assert len(dataset) - len(dataset.ids("test")) == usable_samples(tmp_path / "dataset") == fewer


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("0", ""),
        ("10", ""),
        ("10.01", "outside task.range 0 to 10"),
        ("-1", "outside"),
        ("high", "is no number"),
    ],
)
def test_check_and_refresh_judge_numbers_alike(tmp_path: Path, value: str, refused: str) -> None:
    """Wherever the number stands in the table."""
    section = {"licence": "CC0", **write_mails(tmp_path, 0)}
    rows = [f"m{number},a letter about {number},{number % 10}" for number in range(1500)]
    (tmp_path / "mails" / "mails.csv").write_text(
        "\n".join(["id,text,kind", *rows, f"last,one more,{value}"])
    )
    task = {"modality": "text", "problem": "regression", "range": [0, 10]}
    gate = {"rules": [{"metric": "rmse", "at_most": 1}]}
    params = check(
        {"data": section, "gate": gate, "task": task, "backbone": {"name": "minilm_l6"}, "head": LINEAR}
    )
    for judge in (check_source, look_at):
        if not refused:
            judge(params, tmp_path)
            continue
        with pytest.raises(DataError, match=refused):
            judge(params, tmp_path)


def look_at(params: Params, root: Path) -> None:
    look(root, params)


def test_what_the_data_lost_since_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    """Here near duplicates; it may be samples that cannot be read."""
    shutil.copy(ROOT / "versions.json", tmp_path)
    params = mails(tmp_path, 60, 40)
    look(tmp_path, params)
    version(tmp_path, params)
    (tmp_path / "adapted").mkdir()
    more = params.model_copy(update={"export": ExportParams(parity={"samples": 60})})
    with pytest.raises(
        DataError, match=r"samples is 60, but off the test side there are \d+ samples\. Lower it"
    ):
        execute("extract_features", tmp_path, more)


def test_a_misspelt_table_is_named_before_the_lock_is_written(root: Path) -> None:
    (root / "raw" / "cells.csv").write_text("path,label\n")
    params = params_of(layout="labels", labels={"file": "cell.csv"})
    with pytest.raises(
        DataError, match=r"'cell\.csv', which is not at the source; did you mean 'cells\.csv'\?"
    ):
        look(root, params)
    assert not (root / "data" / "source.lock").exists()


TABLES = {
    "another folder": ("pics/{n}.png,{c}", {}, r"60 of 60 .* \(60 missing\).* '[ab]/0\d\.png'"),
    "another case": ("{C}/{n}.PNG,{c}", {}, r"60 of 60 .* \(60 missing\).* '[ab]/0\d\.png'"),
    "backslashes": ("{c}\\{n}.png,{c}", {}, r"60 of 60 .* \(60 missing\).* '[ab]/0\d\.png'"),
    "folds": ("pics/{n}.png,{c}", {"folds": 3}, r"60 of 60 .* \(60 missing\)"),
    "no labels": ("{c}/{n}.png,", {}, r"60 of 60 .* \(60 unlabelled\)"),
    "few labels": ("{c}/{n}.png,{few}", {}, r"54 of 60 .* \(54 unlabelled\)"),
    "contradictions": ("a/00.png,{c}", {}, r"6 of 6 .* \(6 contradiction\)"),
}


@pytest.mark.parametrize(("row", "split", "words"), TABLES.values(), ids=TABLES)
def test_what_is_wrong_with_a_table_is_told_and_not_what_follows_from_it(
    root: Path, row: str, split: dict[str, object], words: str
) -> None:
    """CASES 22, 23: neither the count for parity nor the number of groups is to blame."""
    rows = [
        row.format(n=f"{n:02}", c="ab"[n % 2], C="AB"[n % 2], few="ab"[n % 2] if n < 6 else "") + f",g{n % 6}"
        for n in range(60)
    ]
    (root / "raw" / "t.csv").write_text("\n".join(["path,label,group", *rows]))
    params = params_of(layout="labels", labels={"file": "t.csv", "group": "group"}, split=split)
    params = params.model_copy(update={"task": params.task.model_copy(update={"positive": "a"})})
    with pytest.raises(DataError, match=words):
        look(root, params)
    assert not (root / "data" / "source.lock").exists()


def test_a_count_for_parity_that_one_large_group_explains_names_its_column(root: Path) -> None:
    """CASES 4."""
    rows = [f"{'ab'[n % 2]}/{n:02}.png,{'ab'[n % 2]},{'NA' if n < 55 else n}" for n in range(60)]
    (root / "raw" / "t.csv").write_text("\n".join(["path,label,who", *rows]))
    split = {"train": 0.01, "validation": 0.01, "calibration": 0.01, "test": 0.97}
    params = params_of(layout="labels", labels={"file": "t.csv", "group": "who"}, split=split)
    with pytest.raises(DataError, match=r"parity\.samples is 10, .* the column 'who', .* 'NA' in 55 rows"):
        look(root, params)
