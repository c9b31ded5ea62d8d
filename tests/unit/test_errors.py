"""Messages quote what they were given, and stay readable whatever that is."""

import pytest

from components.errors import DataError, first_line, meant, short_digests
from components.progress import log


def test_a_label_of_10_mb_makes_a_short_message(capsys: pytest.CaptureFixture[str]) -> None:
    label = "x" * 10_000_000
    error = DataError(f"The label {label!r} is unknown.", f"Allowed: good, {label}.")
    assert len(str(error)) < 5000
    assert str(error).startswith("The label 'xxx")
    assert "characters left out" in error.message
    assert error.remedy.startswith("Allowed: good")
    log(f"Class {label}")
    assert len(capsys.readouterr().err) < 5000


def test_a_foreign_error_that_is_quoted_shows_no_secret() -> None:
    foreign = ValueError("https://ada:canary@host/x?token=canary refused it\nby a long page")
    said = str(DataError(f"It cannot be read: {first_line(foreign)}.", "Look at https://ada:canary@host."))
    assert said == "It cannot be read: https://***@host/x?token=*** refused it. Look at https://***@host."
    assert (first_line(OSError()), first_line(OSError(), "nothing")) == ("OSError", "nothing")


def test_many_lines_are_counted_and_ordinary_ones_stay() -> None:
    plain = "The release is not registered.\n" + "\n".join(f"  - rule {i}" for i in range(100))
    assert DataError(plain).message == plain
    assert DataError("\n".join(["line"] * 1000)).message.endswith("line\n… (800 more lines)")


def test_digests_are_cut_behind_their_first_difference() -> None:
    one, other = "d42b" * 16, "d42b" * 10 + "0" * 24
    assert short_digests(one, other) == ("d42b" * 11 + "…", "d42b" * 10 + "0000…")
    assert short_digests("a" * 64, "b" * 64) == ("a" * 12 + "…", "b" * 12 + "…")
    assert short_digests("a" * 64, "") == ("a" * 12 + "…", "nothing")


@pytest.mark.parametrize(
    ("name", "allowed", "nearest"),
    [
        ("acuracy", ["balanced_accuracy", "accuracy", "auroc"], "accuracy"),
        ("lable", ["path", "label"], "label"),
        ("typ", ["path", "type"], "type"),
        ("nigth", ["day", "night"], "night"),
        ("Positive", ["positive"], "positive"),
        ("mail.csv", ["labels.csv", "mails.csv"], "mails.csv"),
        ("label", ["path;label"], "path;label"),
        ("classification", ["image_classification", "text"], "image_classification"),
        ("image-clasification", ["image_classification", "image_regression"], "image_classification"),
    ],
)
def test_a_slip_of_the_keyboard_is_recognised(name: str, allowed: list[str], nearest: str) -> None:
    assert meant(name, allowed) == f"; did you mean {nearest!r}?"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("auroc", ["accuracy", "f1", "ece"]),
        ("rmse", ["macro_f1", "micro_f1", "map", "subset_accuracy"]),
        ("mae", ["map"]),
        ("a", ["b", "c"]),
        ("no", ["yes"]),
        ("1990", ["1991", "1992"]),
        ("int4", ["fp32", "int8", "fp16"]),
        ("dog", ["cat", "cow"]),
        ("labels.csv", ["train.csv", "images.csv"]),
        ("regression", ["classification", "multi_label"]),
        ("x" * 10_000, ["y" * 10_000]),
        ("", ["a", "label"]),
        ("anything", []),
    ],
)
def test_nothing_is_suggested_where_nothing_is_near(name: str, allowed: list[str]) -> None:
    assert meant(name, allowed) == ""
