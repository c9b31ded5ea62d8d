"""What params.yaml says of a table is checked before any work: separators, conditions, texts without quotes."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.errors import ParamsError
from components.params.data import Labels
from components.params.load import check, load_backbone, load_params
from components.params.scoring import read_job

ROOT = Path(__file__).parents[3]
Values = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def repository() -> Values:
    values: Values = yaml.safe_load((ROOT / "params.yaml").read_text())
    return values


@pytest.fixture
def values(repository: Values) -> Values:
    return copy.deepcopy(repository)


def mistakes(values: Values, tmp_path: Path, **labels: str) -> list[str]:
    """Those of a params.yaml whose `data.labels` has these values, as they are typed."""
    marks = {key: f"replaced-{key}" for key in labels}
    values["data"]["labels"] = {"label": "probability", **marks}
    values["task"].pop("positive", None)
    values["select"] = {}
    values["gate"]["rules"] = [{"metric": "accuracy", "at_least": 0.5}]
    text = yaml.safe_dump(values)
    for key, mark in marks.items():
        text = text.replace(mark, labels[key])
    (tmp_path / "params.yaml").write_text(text)
    try:
        load_params(tmp_path / "params.yaml")
    except ParamsError as error:
        return [line.removeprefix("  - ") for line in str(error).splitlines()[1:-1]]
    return []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(r"'\t'", "\t"), ("tab", "\t"), ('"\\t"', "\t"), ("';'", ";"), ("whitespace", "whitespace")],
)
def test_a_separator_is_what_was_meant(typed: str, meant: str) -> None:
    """CASES 12."""
    assert Labels.model_validate({"separator": yaml.safe_load(typed)}).separator == meant


@pytest.mark.parametrize("separator", ["", "||", "\n", '"', "a", "7", "\0", "tabs", ", "])
def test_what_separates_no_columns_is_refused(values: Values, separator: str) -> None:
    """CASES 12."""
    values["data"]["labels"]["separator"] = separator  # type: ignore[index]
    with pytest.raises(
        ParamsError, match=r"data\.labels\.separator: .* cannot separate columns; allowed: one char"
    ):
        check(values)
    with pytest.raises(ParamsError, match="cannot separate columns"):
        read_job({"input": "t.csv", "output": "o", "separator": separator})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"file": "t.jsonl.gz", "separator": ";"}, "separator is for tables such as CSV, but t.jsonl.gz holds lines"),
        ({"file": "t.parquet", "header": ["a"]}, "header is for tables such as CSV, but t.parquet holds Parquet"),
        ({"file": "m/t.XLSX"}, "m/t.XLSX is a workbook, of which no table is read: save it as CSV"),
        ({"header": ["path", "label", " path"]}, "header names 'path' twice"),
        ({"classes": {"good": "< O.5"}}, "classes.good: '< O.5' is not a condition; allowed"),
        ({"classes": {"a": "x", "b": "x "}}, "classes.a and classes.b both ask for 'x'"),
        ({"classes": {"a": 1.1, "b": "== 1.10"}}, "classes.a and classes.b both ask for '== 1.10'; what is no number"),
        ({"classes": {"a": True}}, "classes.a"),
        ({"unlabelled": -1}, "data.labels.unlabelled: -1 is no text; write it in quotes"),
    ],
)  # fmt: skip
def test_what_can_be_told_without_the_table_is(
    values: Values, labels: dict[str, object], message: str
) -> None:
    values["data"]["labels"] = labels
    with pytest.raises(ParamsError) as caught:
        check(values)
    assert message in str(caught.value)


def test_a_positive_class_needs_two(values: Values) -> None:
    """CASES 8."""
    values["data"]["labels"]["classes"] = {"functional": "0", "defective": "1", "unknown": "2"}  # type: ignore[index]
    with pytest.raises(
        ParamsError, match=r"task\.positive is 'defective', but data\.labels\.classes names 3 classes"
    ):
        check(values)


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("no", "true or false"),
        ("yes", "true or false"),
        ("Off", "true or false"),
        ("010", "the number 8"),
        ("12:30", "the number 750"),
        ("1_000", "the number 1000"),
        ("0x1F", "the number 31"),
        ("2024-01-31", "a date"),
        (".nan", "the number nan"),
        ("~", "nothing"),
    ],
)
def test_a_text_that_yaml_reads_as_something_else_is_refused_with_what_to_write(
    values: Values, tmp_path: Path, typed: str, read_as: str
) -> None:
    """CASES 27: for texts, lists of texts, and values that may be a text or a number."""
    messages = mistakes(values, tmp_path, file=typed, slices=f"[{typed}]", classes=f"{{a: {typed}, b: 1.5}}")
    message = f'YAML reads {typed} as {read_as}; write it in quotes: "{typed}"'
    assert sorted(messages) == [
        f"data.labels.{place}: {message}" for place in ("classes.a", "file", "slices, entry 1")
    ]
    assert (
        mistakes(values, tmp_path, file=f'"{typed}"', slices=f"['{typed}']", classes=f'{{a: "{typed}"}}')
        == []
    )


@pytest.mark.parametrize("typed", ["no", "1", "010", "2024-01-31", "~"])
def test_a_key_that_yaml_reads_as_something_else_is_refused(
    values: Values, tmp_path: Path, typed: str
) -> None:
    """CASES 27."""
    (message,) = mistakes(values, tmp_path, classes=f"{{{typed}: x, b: y}}")
    assert message.startswith(f"data.labels.classes: YAML reads the key {typed} as ")
    assert message.endswith(f'write it in quotes: "{typed}"')


@pytest.mark.parametrize("typed", ["0.5", "1", "-1", "1e-3", "0", ".5", "< 0.5"])
def test_numbers_may_stand_where_a_class_asks_for_one(values: Values, tmp_path: Path, typed: str) -> None:
    assert mistakes(values, tmp_path, classes=f"{{a: {typed}, b: x}}") == []


def test_the_same_is_said_of_another_file_s_backbone(tmp_path: Path) -> None:
    """CASES 27: a digest of digits around an e is a number to YAML."""
    digest = "1" * 40 + "e" + "2" * 23
    (tmp_path / "b.yaml").write_text(
        f"seed: 010\nbackbone: {{name: minilm_l6, sha256: {digest}, licence: no}}\n"
    )
    with pytest.raises(ParamsError) as caught:
        load_backbone(tmp_path / "b.yaml", tmp_path)
    lines = str(caught.value).splitlines()[1:-1]
    assert [line.split(": YAML reads ")[0] for line in lines] == [
        "  - backbone.sha256",
        "  - backbone.licence",
    ]
    assert f'write it in quotes: "{digest}"' in lines[0]


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_texts_in_quotes_are_never_misread(classes: dict[str, str]) -> None:
    """What json.dumps quotes is YAML, too."""
    from components.params.unquoted import unquoted

    node = yaml.compose(yaml.safe_dump(classes, default_style='"'), yaml.SafeLoader)
    assert node is not None
    assert list(unquoted(node)) == []


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_no_word_for_no_label_is_not_silently_off(values: Values, tmp_path: Path, written: str) -> None:
    """The word `null` in a column must be in quotes, as YAML has one of its own."""
    (said,) = mistakes(values, tmp_path, unlabelled=written)
    assert said.endswith(f'as nothing; write it in quotes: "{written}", or leave the key out')


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", "is not UTF-8: it is UTF-16. Save it as UTF-8: iconv -f UTF-16 -t UTF-8"),
        (
            "cp1252",
            "is not UTF-8: line 2, read as Windows-1252, says '# für uns'. Save it as UTF-8: iconv -f CP1252",
        ),
    ],
)
def test_params_in_another_encoding_say_which(tmp_path: Path, encoding: str, words: str) -> None:
    (tmp_path / "params.yaml").write_bytes("seed: 0\n# für uns\n".encode(encoding))
    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")
    assert words in str(caught.value)
