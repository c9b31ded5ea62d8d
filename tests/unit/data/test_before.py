"""What `check` finds without reading samples, and what a misspelt table is told."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from written import PARAMS

from components.data.before import check_source, warnings
from components.data.formats import table
from components.errors import DataError, ParamsError, SourceRefused
from components.params import Params, load_params
from components.params.load import check

FEW = {"min_per_class": 1}
FEW_COMPARED = {"export": {"parity": {"samples": 1}}}
ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "mails.csv").write_text("body,kind\nhello,ham\nbuy,spam\n")
    return tmp_path


def write(
    root: Path, source: str = "file:mails", sections: Mapping[str, object] | None = None, **data: object
) -> None:
    section = {"source": source, "licence": "ours", "layout": "manifest", "limits": FEW, **data}
    values = {**PARAMS, **FEW_COMPARED, "data": section, **(sections or {})}
    (root / "params.yaml").write_text(yaml.safe_dump(values))


def mails(**labels: object) -> dict[str, object]:
    return {"labels": {"file": "mails.csv", "text": "body", "label": "kind", **labels}}


def looked(root: Path) -> Params:
    params = load_params(root / "params.yaml")
    check_source(params, root)
    return params


def test_what_is_right_passes(workspace: Path) -> None:
    write(workspace, **mails())
    looked(workspace)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("../data", "'../data' does not say what kind of source it is: write 'file:../data'"),
        ("/mnt/data", "write 'file:/mnt/data'"),
        ("fil:../data", "begins with 'fil:', which is no source; allowed: file:, https:, s3:, hf:, pypi:"),
        ("http://host/a.zip", "begins with 'http:', which is no source"),
    ],
)
def test_a_source_without_a_scheme(source: str, words: str) -> None:
    with pytest.raises(ParamsError) as caught:
        check({**PARAMS, "data": {"source": source, "licence": "ours"}})
    assert words in str(caught.value)


@pytest.mark.parametrize("source", ["file:cells?key=1", "file:/data/a@b?token=2/x"])
def test_a_question_mark_in_a_folders_name_is_no_password(source: str) -> None:
    assert check({**PARAMS, "data": {"source": source, "licence": "ours"}}).data.source == source


def test_a_secret_in_an_address_is_still_refused() -> None:
    with pytest.raises(ParamsError, match="password, a token"):
        check({**PARAMS, "data": {"source": "https://host/a.zip?token=2", "licence": "ours"}})


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (
            {"file": "mail.csv"},
            "data.labels.file is 'mail.csv', which is not at the source; did you mean 'mails.csv'?",
        ),
        ({"file": "x.parquet"}, "not at the source; its tables: mails.csv."),
        ({"label": "kid"}, "data.labels.label names the column 'kid'; did you mean 'kind'?"),
        ({"separator": ";"}, "Its columns seem to be separated by ','"),
    ],
)
def test_a_table_on_this_machine_is_looked_at(workspace: Path, labels: dict[str, object], words: str) -> None:
    write(workspace, **mails(**labels))
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert words in str(caught.value)


def test_class_folders_must_be_folders(workspace: Path) -> None:
    write(workspace, layout="folders")
    with pytest.raises(DataError, match=r"holds no folders; data\.layout folders has one for each class"):
        looked(workspace)


FOLDERS = {
    "classes and a split": (["cat/1.png", "dog/1.png", "test/1.png"], {}, "'test' is the name of a split"),
    "a single class": (["cat/1.png"], {}, "'cat' is the only class"),
    "empty folders": (["cat/.keep", "dog/.keep"], {}, "holds no samples for data.layout folders"),
    "no such class": (["cat/1.png", "dog/1.png"], {"positive": "catt"}, "did you mean 'cat'?"),
    "three classes": (["a/1.png", "b/1.png", "c/1.png"], {"positive": "a"}, "but there are 3 classes"),
}


@pytest.mark.parametrize(("paths", "task", "words"), FOLDERS.values(), ids=FOLDERS)
def test_class_folders_are_looked_at(
    tmp_path: Path, paths: list[str], task: dict[str, str], words: str
) -> None:
    for path in paths:
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_bytes(b"not read")
    section = {"source": "file:src", "licence": "ours", "layout": "folders"}
    given = {**PARAMS, "data": section, "task": {"modality": "image", "problem": "classification", **task}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(DataError) as caught:
        looked(tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("body,kind\n", "mails.csv has no rows."),
        ("body,kind\na,ham\nb\n", "row 2 (line 3): it has 1 value, the header 2"),
        ("body,kind\na,ham\nb,ham\n", "'ham' is the only class"),
    ],
)
def test_the_first_rows_of_a_table_are_read(workspace: Path, table: str, words: str) -> None:
    (workspace / "mails" / "mails.csv").write_text(table)
    write(workspace, **mails())
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert words in str(caught.value)


BOTH = {"cat": "cat", "dog": "dog"}
NUMBERS = {"low": "< 0.5", "high": ">= 0.5"}
# Rows beside the twelve right ones, keys of data.labels, keys of data, and what is said.
FAULTS: dict[str, tuple[str, dict[str, object], dict[str, object], str]] = {
    "no declared class": (
        "img/01.png,bird,g1,test",
        {"classes": BOTH},
        {},
        "belong to no class of data.labels.classes: 'bird' (1 samples, the first: t.csv, row 13 (line 14))",
    ),
    "no number": (
        "img/01.png,cat,g1,test",
        {"classes": NUMBERS},
        {},
        "'cat' (7 samples, the first: t.csv, row 1",
    ),
    "no split": (
        "img/01.png,cat,g1,later",
        {"split": "split"},
        {},
        "says 'later' for t.csv, row 13 (line 14)",
    ),
    "outside": ("../x.png,cat,g1,test", {}, {}, "row 13 (line 14): the path '../x.png' leaves the source"),
    "more folds": ("", {"group": "group"}, {"split": {"folds": 5}}, "folds is 5, but there are 4 groups"),
    "not there": (
        "images/01.png,cat,g1,test",
        {},
        {},
        "1 of 13 samples cannot be used (1 missing); 2.0% are allowed. For instance images/01.png: is in t.csv, row 13 "
        "(line 14), not at the source, which holds 'img/01.png'",
    ),
    "no label": ("img/01.png,,g1,test", {}, {}, "1 of 13 samples cannot be used (1 unlabelled)"),
    "too small": ("img/01.png,bird,g1,test", {}, {}, "class 'bird' has 1 sample, fewer than 2"),
    "empty": ("", {"classes": {**BOTH, "cow": "cow"}}, {}, "class 'cow' is empty"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("row", "labels", "data", "words"), FAULTS.values(), ids=FAULTS)
def test_a_whole_table_is_looked_at_without_its_samples(
    tmp_path: Path, row: str, labels: dict[str, object], data: dict[str, object], words: str, packed: bool
) -> None:
    """CASES 23."""
    rows = [f"img/{n:02}.png,{('cat', 'dog')[n % 2]},g{n % 4},train" for n in range(12)]
    files = dict.fromkeys((f"img/{n:02}.png" for n in range(12)), "not read")
    source = tmp_path / ("source.zip" if packed else "source")

    def given(lines: list[str]) -> None:
        lay({**files, "t.csv": "\n".join(["path,label,group,split", *lines])}, source)

    named = {"file": "t.csv", **labels}
    given(rows)
    write(tmp_path, f"file:{source}", labels={"file": "t.csv"}, limits={"min_per_class": 6})
    looked(tmp_path)
    given([*rows, row] if row else rows)
    write(tmp_path, f"file:{source}", labels=named, limits={"min_per_class": 2}, **data)
    with pytest.raises(DataError) as caught:
        looked(tmp_path)
    assert words in str(caught.value)


def lay(files: dict[str, str], source: Path) -> None:
    if source.suffix == ".zip":
        with zipfile.ZipFile(source, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)


@pytest.mark.parametrize("column", ["path", "group", "domain", "split", "slice"])
def test_half_of_a_character_is_found_early(workspace: Path, column: str) -> None:
    """CASES 11, 23."""
    keys = {"path": "path", "group": "group", "domain": "domain", "split": "split", "slices": ["slice"]}
    cells = {
        "path": "1",
        "group": "g",
        "domain": "d",
        "split": "test",
        "slice": "s",
        "body": "x",
        "kind": "ham",
    }
    lines = [json.dumps(row) for row in (cells, {**cells, "path": "2", column: "\ud83d"})]
    (workspace / "mails" / "mails.jsonl").write_text("\n".join(lines))
    write(workspace, **mails(file="mails.jsonl", **keys))
    with pytest.raises(
        DataError, match=rf"mails\.jsonl, row 2 \(line 2\): the cell of '{column}' is '\\ud83d'"
    ):
        looked(workspace)


def test_a_class_folder_with_too_few_samples_is_found_early(tmp_path: Path) -> None:
    """CASES 23."""
    lay({f"{'ab'[n > 9]}/{n}.png": "not read" for n in range(12)}, tmp_path / "source")
    write(tmp_path, "file:source", layout="folders", limits={"min_per_class": 3})
    with pytest.raises(DataError, match="class 'b' has 2 samples, fewer than 3"):
        looked(tmp_path)


def test_fewer_samples_than_the_export_compares_are_found_early(tmp_path: Path) -> None:
    lay({f"{'ab'[n > 9]}/{n}.png": "not read" for n in range(20)}, tmp_path / "source")
    write(tmp_path, "file:source", layout="folders")
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("samples: 1", "samples: 200"))
    with pytest.raises(
        DataError, match=r"export\.parity\.samples is 200, but data.source holds 20 samples"
    ) as caught:
        looked(tmp_path)
    assert "lower it to about 16, or add samples" in str(caught.value)


def test_of_a_long_table_the_first_rows_are_judged(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS", 3)
    rows = [f"mail {n},{'ham' if n < 6 else 'spam'}" for n in range(12)]
    (workspace / "mails" / "mails.csv").write_text("\n".join(["body,kind", *rows]))
    write(workspace, **mails(classes={"ham": "ham", "spam": "spam"}), limits={"min_per_class": 6})
    looked(workspace)
    write(workspace, **mails(), limits={"min_per_class": 6})
    looked(workspace)
    write(workspace, **mails(classes={"hum": "hum", "spam": "spam"}))
    with pytest.raises(DataError, match="'ham' \\(3 samples"):
        looked(workspace)


@pytest.mark.parametrize(
    ("source", "labels", "words"),
    [
        ("file:mails/mails.csv", {"file": "mail.csv"}, "did you mean 'mails.csv'?"),
        ("file:mails", {"file": "../mails/mails.csv"}, "which is not at the source"),
        ("file:cells.tar.gz", {}, "data.source is the archive cells.tar.gz. Unpack it"),
    ],
)
def test_a_source_that_is_a_file(workspace: Path, source: str, labels: dict[str, object], words: str) -> None:
    (workspace / "cells.tar.gz").write_bytes(b"not read")
    write(workspace, source, **mails(**labels))
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert words in str(caught.value)


def test_a_damaged_archive_is_refused_early(workspace: Path) -> None:
    (workspace / "mails.zip").write_bytes(b"PK")
    write(workspace, "file:mails.zip", **mails())
    with pytest.raises(SourceRefused, match="is not a readable zip archive"):
        looked(workspace)


@pytest.mark.parametrize("key", ["group", "domain", "split"])
def test_folders_have_no_columns(workspace: Path, key: str) -> None:
    write(workspace, layout="folders", labels={key: "user"})
    with pytest.raises(
        ParamsError, match=f"data.labels.{key} names a column, but data.layout folders has none"
    ):
        looked(workspace)


def test_the_command_says_so_and_imports_nothing_heavy(workspace: Path) -> None:
    write(workspace, **mails(file="mail.csv"))
    code = "import sys; from components.__main__ import main; code = main(['check'])\n"
    code += "print(code, sorted({'torch', 'mlflow', 'prefect', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workspace,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "12 []\n"
    assert "did you mean 'mails.csv'?" in done.stderr


def test_a_recall_of_what_is_no_class_of_the_table_is_refused(workspace: Path) -> None:
    rules = [{"metric": "recall", "class": "scam", "at_least": 0.8}]
    write(workspace, sections={"gate": {"rules": rules}}, **mails())
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert "gate.rules asks for the recall of 'scam', which is no class of the data" in str(caught.value)
    assert "ham, spam" in str(caught.value)
    rules[0]["class"] = "spam"
    write(workspace, sections={"gate": {"rules": rules}}, **mails())
    looked(workspace)


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_probably_not_meant_is_told_of_a_source_that_is_right(tmp_path: Path, packed: bool) -> None:
    rows = [
        f"img/{n:02}.png,{'a;b' if n % 2 else 'c'},{'NA' if n % 3 else 'g'},{'nan' if n < 2 else 's'}"
        for n in range(12)
    ]
    files = dict.fromkeys((f"img/{n:02}.png" for n in range(12)), "not read")
    source = tmp_path / ("source.zip" if packed else "source")
    lay({**files, "t.csv": "\n".join(["path,label,group,slice", *rows])}, source)
    named = {"file": "t.csv", "group": "group", "slices": ["slice"], "unlabelled": "unknown"}
    sections = {
        "task": {"modality": "image", "problem": "multi_label"},
        "head": {"method": "linear"},
        "gate": {"rules": [{"metric": "macro_f1", "at_least": 0.5}]},
    }
    write(tmp_path, f"file:{source}", sections, labels=named)
    said = warnings(load_params(tmp_path / "params.yaml"), tmp_path)
    for words in (
        "task.separator is '|', which no cell holds, but 6 rows hold ';'",
        "never holds 'unknown', which data.labels.unlabelled names",
        "data.labels.group names, holds 'NA' in 8 rows: each is taken for a group",
        "data.labels.slices names, holds 'nan' in 2 rows: each is taken for a slice",
    ):
        assert [words in sentence for sentence in said].count(True) == 1


def test_of_the_first_rows_nothing_is_told_that_later_ones_may_belie(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"mail {n},{'ham' if n % 2 else 'spam'}" for n in range(12)]
    (workspace / "mails" / "mails.csv").write_text("\n".join(["body,kind", *rows]))
    write(workspace, **mails(unlabelled="unknown", classes={"ham": "ham", "spam": "spam"}))
    params = load_params(workspace / "params.yaml")
    assert "'unknown', which no cell" in " ".join(warnings(params, workspace))
    monkeypatch.setattr(table, "ROWS", 3)
    assert warnings(params, workspace) == []


def test_a_hint_about_the_separator_is_told_once(workspace: Path) -> None:
    rows = "".join(f"text {n},{'ham;spam' if n % 2 else 'ham'}\n" for n in range(8))
    (workspace / "mails" / "mails.csv").write_text("body,kind\n" + rows)
    sections = {
        "task": {"modality": "text", "problem": "multi_label"},
        "backbone": {"name": "minilm_l6"},
        "head": {"method": "linear"},
        "gate": {"rules": [{"metric": "recall", "label": "spam", "at_least": 0.5}]},
    }
    write(workspace, sections=sections, **mails())
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert "gate.rules names the label 'spam'" in str(caught.value)
    assert str(caught.value).count('write `separator: ";"` below task') == 1


@pytest.mark.parametrize("path", [{}, {"path": "body"}])
def test_texts_in_a_table_need_the_column_of_the_texts(workspace: Path, path: dict[str, object]) -> None:
    text = {"modality": "text", "problem": "classification"}
    sections = {"task": text, "backbone": {"name": "minilm_l6"}}
    write(workspace, sections=sections, labels={"file": "mails.csv", "label": "kind", **path})
    with pytest.raises(DataError, match=r"stand in the table, name their column in data\.labels\.text"):
        looked(workspace)
    write(workspace, sections=sections, labels={"file": "mail.csv", "label": "kind", **path})
    with pytest.raises(DataError) as caught:
        looked(workspace)
    assert "data.labels.text" not in str(caught.value)


def test_decimal_commas_in_labels_are_told(workspace: Path) -> None:
    rows = "".join(f"mail {n};0,{n}\n" for n in range(8))
    (workspace / "mails" / "mails.csv").write_text("body;kind\n" + rows)
    write(workspace, **mails(separator=";", classes={"low": "< 0.5", "high": ">= 0.5"}))
    with pytest.raises(DataError) as caught:
        looked(workspace)
    said = "Write decimals with a point: 0.0, not '0,0' (mails.csv, row 1 (line 2))."
    assert said in str(caught.value)
