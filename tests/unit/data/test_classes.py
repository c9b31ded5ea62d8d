import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.classes import Classes, parse_condition
from components.errors import DataError, ParamsError


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
        (1.0, ["1", "1.0"], ["10", "one"]),
        ("007", ["007", "7"], ["0070"]),
    ],
)
def test_conditions(text: str | float, yes: list[str], no: list[str]) -> None:
    condition = parse_condition(text)
    assert all(condition.holds(label) for label in yes)
    assert not any(condition.holds(label) for label in no)


@pytest.mark.parametrize("text", ["< a", ">= nan", "<", "< 0.5, cat", "> 1 2"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    if text == "<":
        assert parse_condition(text).holds("<")  # a bare sign is a value like any other
        return
    with pytest.raises(ParamsError, match="is not a condition"):
        parse_condition(text)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_halves_share_every_number_between_them(bound: float, value: float) -> None:
    low, high = parse_condition(f"< {bound!r}"), parse_condition(f">= {bound!r}")
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
