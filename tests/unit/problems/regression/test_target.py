"""Labels as numbers: what is kept, what is refused and how it is said."""

import json

import numpy as np
import pytest
from described import description, task

from components.errors import DataError
from components.params.data import Labels, Limits
from components.problems.labels import Labelled, Remedies
from components.problems.regression.target import Reading, Target

ONE, TWO = Labels(label="y"), Labels(label=("y", "z"))


def reading(labels: Labels = ONE, **options: object) -> Reading:
    return Reading(labels, task(**options), ())


def samples(**values: list[float]) -> list[Labelled]:
    return [Labelled(json.dumps([float(value)]), split) for split, held in values.items() for value in held]


@pytest.mark.parametrize(
    ("written", "kept"),
    [("3", "[3.0]"), ("+0.50", "[0.5]"), ("-0", "[0.0]"), ("1e-3", "[0.001]"), (".1", "[0.1]")],
)
def test_equal_numbers_are_kept_alike(written: str, kept: str) -> None:
    assert reading().label(written) == kept


@pytest.mark.parametrize(
    "written", ["", "x", "nan", "NaN", "inf", "-Infinity", "1_000", "0x1", "1e39", "1,5", "٣"]
)
def test_what_is_no_finite_number_is_refused(written: str) -> None:
    assert reading().label(written) is None


def test_a_number_reads_back_as_the_same() -> None:
    kept = reading().label("0.1234567890123456789")
    assert kept is not None
    assert json.loads(kept) == [float("0.1234567890123456789")]


def test_the_refusal_names_row_and_value_and_reason() -> None:
    error = reading(range=[0, 1]).refusal({"1.5": ("t.csv, row 7", "t.csv, row 9"), "0,5": ("t.csv, row 2",)})
    assert "t.csv, row 7 and 1 more: y is '1.5', outside task.range 0 to 1" in str(error)
    assert "t.csv, row 2: y is '0,5', which is no number; a decimal point is written as in 0.5" in str(error)


def test_of_several_columns_every_cell_counts() -> None:
    both = reading(TWO)
    assert both.label('["1", "-2.5"]') == "[1.0, -2.5]"
    assert both.label('["1", ""]') is None
    assert "z is empty" in str(both.refusal({'["1", ""]': ("t.csv, row 1",)}))


def test_each_of_several_numbers_has_its_unit_and_range() -> None:
    both = reading(TWO, unit={"y": "mm", "z": "kg"}, range={"z": [0, 5]})
    assert both.label('["100", "5"]') == "[100.0, 5.0]"
    assert both.label('["100", "6"]') is None
    assert "z is '6', outside task.range 0 to 5" in str(both.refusal({'["100", "6"]': ()}))
    assert both.describe([Labelled("[1.0, 2.0]", "train")])["numbers"] == [
        {"name": "y", "unit": "mm", "range": None},
        {"name": "z", "unit": "kg", "range": [0.0, 5.0]},
    ]
    assert (
        both.summary(both.counts(["[1.0, 2.0]"]))
        == "with y from 1 to 1 mm, median 1; z from 2 to 2 kg, median 2"
    )


def test_one_unit_and_range_are_those_of_every_number() -> None:
    both = reading(TWO, unit="mm", range=[0, 5])
    assert both.label('["1", "6"]') is None
    numbers = both.describe([Labelled("[1.0, 2.0]", "train")])["numbers"]
    assert [(one["unit"], one["range"]) for one in numbers] == [("mm", [0.0, 5.0])] * 2


def test_a_table_without_any_label_is_refused_early() -> None:
    reading().early(["1", "2"])
    with pytest.raises(DataError, match="No sample has a label"):
        reading().early([])


def test_statistics_are_those_of_the_training_samples_in_any_order() -> None:
    """1, 2, 6: mean 3, variance (4 + 1 + 9) / 3."""
    given = samples(train=[1, 2, 6], test=[100, 200])
    found = reading().describe(given)
    assert found["statistics"] == {"mean": [3.0], "scale": [pytest.approx((14 / 3) ** 0.5)]}
    assert found == reading().describe(given[::-1])
    assert found["numbers"] == [{"name": "y", "unit": None, "range": None}]


def test_a_constant_number_has_scale_one() -> None:
    assert reading().describe(samples(train=[0.1] * 3))["statistics"]["scale"] == [1.0]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"train": [1]}, "the split train has 1 labelled sample, fewer than 2"),
        ({"calibration": []}, "the split calibration has no labelled samples, fewer than 2"),
        ({"validation": [4, 4, 4]}, "the split validation has the same target for all 3 samples"),
        ({"test": []}, "the split test has no labelled sample"),
    ],
)
def test_splits_that_teach_nothing_are_refused(held: dict[str, list[float]], said: str) -> None:
    whole = {"train": [1.0, 2], "validation": [1.0, 2], "calibration": [1.0, 2], "test": [1.0]}
    reading().check(samples(**whole), Limits(), Remedies())
    with pytest.raises(DataError, match=said):
        reading().check(samples(**(whole | held)), Limits(), Remedies())


def test_counts_and_their_words() -> None:
    reads = reading(unit="mm")
    counts = reads.counts(["[1.0]", "[2.5]", "[7.0]"])
    assert counts == {"y": {"min": 1.0, "median": 2.5, "max": 7.0}}
    assert reads.summary(counts) == "with y from 1 to 7 mm, median 2.5"
    assert reads.counts([]) == {"y": {"min": None, "median": None, "max": None}}


def test_warnings() -> None:
    few, codes = (
        reading().warnings(samples(train=[0, 1, 2, 1], test=[1])),
        reading().warnings(samples(test=[0.5] * 30)),
    )
    assert [line[:40] for line in few] == [
        "y has only the values 0, 1, 2. Where the",
        "There are 1 labelled test samples, fewer",
    ]
    assert codes == ["y is 0.5 for every sample: there is nothing to learn about it."]


def test_targets() -> None:
    target = Target(description(("y", "z"), (0, 0), (1, 1)))
    made = target.targets(["[1.5, -2.0]", ""])
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, [[1.5, -2.0], [np.nan, np.nan]])
    assert target.known(made).tolist() == [True, False]
    assert not target.known(target.unknown(3)).any()
    assert target.codes(made).tolist() == [0, 0]
    assert target.lacking(made[:1]) == "there is 1 labelled sample, fewer than 2"
    assert target.lacking(made[[0, 0]]) == "there is the same target for all 2 samples"
    assert target.lacking(np.array([[1, 2], [1, 3]], np.float32)) == ""
