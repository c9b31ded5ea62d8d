import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import DataError
from components.params.conditions import read_condition
from components.params.data import Labels
from components.problems.classification.target.classes import Classes, doubtful


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("< 0.5", ["0.4", "-1", "3.3e-1"], ["0.5", "1", "x", "nan", ""]),
        ("<=0.5", ["0.5", ".5"], ["0.51"]),
        (">= 0.5", ["0.5", "1e3"], ["0.49", "inf"]),
        ("> 2", ["3"], ["2"]),
        ("== 1", ["1", "1.0"], ["2"]),
        ("!= 1", ["2"], ["1.0"]),
        (">= 0.2, < 0.5", ["0.2", "0.49"], ["0.1", "0.5"]),
        ("cat", ["cat"], ["Cat", "cats"]),
        (1.0, ["1", "1.0", "+1", "01", "1e0"], ["10", "one", "1_0", "١", ""]),
        (10, ["10", "1e1", "10.0", "010"], ["1_0", "١٠", "１０", "0x0a"]),
        (12345678901234567890, ["12345678901234567890"], ["12345678901234567891"]),
        ("== 12345678901234567890", ["12345678901234567890"], ["12345678901234567891"]),
        ("007", ["007"], ["7", "0070", "7.0"]),
        ("1.1", ["1.1"], ["1.10", "1.1 "]),
        ("nan", ["nan"], ["NaN"]),
    ],
)
def test_conditions(text: str | float, yes: list[str], no: list[str]) -> None:
    condition = read_condition(text)
    assert all(condition.holds(label) for label in yes)
    assert not any(condition.holds(label) for label in no)


@pytest.mark.parametrize("text", ["< a", ">= nan", "< 0.5, cat", "> 1 2", "< 1_0", ">= ١"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a condition"):
        read_condition(text)


def test_a_bare_sign_is_a_value_like_any_other() -> None:
    assert read_condition("<").holds("<")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_halves_share_every_number_between_them(bound: float, value: float) -> None:
    low, high = read_condition(f"< {bound!r}"), read_condition(f">= {bound!r}")
    assert low.holds(repr(value)) == (value < bound)
    assert low.holds(repr(value)) != high.holds(repr(value))


def test_declared_classes_keep_their_order() -> None:
    classes = Classes({"good": "< 0.5", "bad": ">= 0.5"}, [])
    assert classes.names == ("good", "bad")
    assert [classes.of(label) for label in ("0.0", "0.333", "1.0", "x")] == ["good", "good", "bad", None]
    assert classes.target("bad") == 1


def test_without_declaration_each_label_is_a_class() -> None:
    classes = Classes({}, ["b", "a", "b"])
    assert classes.names == ("a", "b")
    assert classes.of("b") == "b"


def test_overlapping_conditions_are_refused() -> None:
    with pytest.raises(DataError, match=r"'0\.5' belongs to low and high"):
        Classes({"low": "<= 0.5", "high": ">= 0.5"}, []).of("0.5")


@pytest.mark.parametrize(
    "labels", [("1.1", "1.10"), ("01", "1"), ("1_0", "10"), ("1e1", "10"), ("1", "١", "１")]
)
def test_labels_that_are_equal_as_numbers_are_different_texts(labels: tuple[str, ...]) -> None:
    """CASES 2: declared or not."""
    assert [Classes({}, labels).of(label) for label in labels] == list(labels)
    declared = Classes({f"class {label}": label for label in labels}, ())
    assert [declared.of(label) for label in labels] == [f"class {label}" for label in labels]
    assert Classes({"first": labels[0], "other": "x"}, ()).of(labels[1]) is None


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=1, unique=True))
def test_undeclared_labels_are_equal_only_to_themselves(labels: list[str]) -> None:
    classes = Classes({}, labels)
    assert [classes.of(label) for label in labels] == labels


def test_words_for_no_label_are_doubted_unless_they_were_declared() -> None:
    """CASES 4."""
    cells = ["cat", "None", "NA", "NA", "null", "nan", "", "dog"]
    (message,) = doubtful(cells, Labels())
    assert (
        "the column 'label' holds 'NA' in 2 rows, 'None' in 1 row, 'nan' in 1 row, 'null' in 1 row; each is"
        in message
    )
    assert 'write `unlabelled: "NA"` below data.labels, in quotes' in message
    assert "'NA'" not in doubtful(cells, Labels(unlabelled="NA"))[0]
    assert doubtful(cells, Labels(classes={"nan": "nan", "cat": "cat"})) == []
    assert doubtful(["cat", ""], Labels()) == []


def test_a_word_for_no_label_that_no_cell_holds_is_doubted() -> None:
    """CASES 4."""
    (message,) = doubtful(["cat", "", ""], Labels(unlabelled="nan"))
    assert "data.labels.unlabelled is 'nan', which no cell of the column 'label' holds" in message
    assert "2 rows hold nothing, which is written ''." in message
    assert doubtful(["cat", ""], Labels(unlabelled="")) == []
