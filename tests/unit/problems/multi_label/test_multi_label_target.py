"""Checks of labels, their description, and targets."""

from collections.abc import Sequence

import numpy as np
import pytest

from components.errors import DataError
from components.params.data import SPLITS, Labels, Limits
from components.params.task import TaskParams
from components.problems.labels import Labelled, Remedies
from components.problems.multi_label.target import Reading, Target, rarest

DESCRIPTION = {"problem": "multi_label", "labels": ["a", "b"]}
TASK = TaskParams(modality="text", problem="multi_label")


def reading() -> Reading:
    return Reading(Labels(), TASK, ["a|b"])


def samples(*counts: tuple[str, str, int]) -> list[Labelled]:
    return [Labelled(label, split) for label, split, count in counts for _ in range(count)]


def even(count: int = 4) -> list[Labelled]:
    return samples(*((label, split, count) for split in SPLITS for label in ('["a"]', '["b"]', "[]")))


def test_labels_that_occur_in_every_split_can_be_learned() -> None:
    reading().check(even(), Limits(min_per_class=16), Remedies())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (samples(('["a"]', "train", 40)), "no sample has the label 'b'"),
        (
            samples(*(('["a", "b"]', s, 9) for s in SPLITS), ('["a"]', "test", 9)),
            "every sample has the label 'a'",
        ),
    ],
)
def test_labels_that_never_or_always_occur_are_named(changed: list[Labelled], message: str) -> None:
    with pytest.raises(DataError, match=message):
        reading().check(changed, Limits(min_per_class=10), Remedies())


def test_a_split_that_lacks_a_label_names_what_helps() -> None:
    lacking = [s for s in even(8) if not (s.split == "calibration" and s.label == '["b"]')]
    with pytest.raises(DataError) as caught:
        reading().check(lacking, Limits(), Remedies(of_splits=["Deal again."]))
    assert "no sample of the split calibration has the label 'b'" in caught.value.message
    assert caught.value.remedy.startswith("Deal again. ")
    always = [s for s in even(8) if s.split != "test" or s.label == '["a"]']
    with pytest.raises(DataError, match="every sample of the split test has the label 'a'"):
        reading().check(always, Limits(), Remedies())


def test_few_samples_with_or_without_a_label() -> None:
    few = [*samples(('["a"]', "train", 30)), *even(1)]
    with pytest.raises(DataError) as caught:
        reading().check(few, Limits(min_per_class=9), Remedies())
    assert "8 samples without the label 'a' are fewer than 9" in caught.value.message
    assert "4 samples with the label 'b' are fewer than 9" in caught.value.message
    assert "split" not in caught.value.message


def test_counts_and_words() -> None:
    counts = reading().counts(['["a", "b"]', '["a"]', "[]", "[]"])
    assert counts == {"a": 2, "b": 1, "no label": 2}
    assert reading().summary(counts) == "with any of 2 labels, 2 with none: a 2, b 1"
    with pytest.raises(DataError, match="A label is called 'no label'"):
        Reading(Labels(), TASK, ["a|no label"])
    warned = " ".join(reading().warnings(even(2)))
    assert "Fewer than 6 test samples have these labels: a 2, b 2." in warned
    assert "are without these labels: a 4, b 4." in warned
    assert reading().warnings(even(6)) == []


def test_targets_are_rows_of_zeros_and_ones() -> None:
    target = Target(DESCRIPTION)
    found = target.targets(['["b"]', "", "[]", '["a", "b"]'])
    np.testing.assert_array_equal(found, [[0, 1], [-1, -1], [0, 0], [1, 1]])
    assert found.dtype == np.int8
    np.testing.assert_array_equal(target.known(found), [True, False, True, True])
    np.testing.assert_array_equal(target.unknown(2), [[-1, -1], [-1, -1]])
    assert target.lacking(found[[0, 2, 3]]) == ""
    assert target.lacking(found[[0, 2]]) == "no labelled sample has the label 'a'"
    assert target.lacking(found[[0, 3]]) == "every labelled sample has the label 'b'"


def test_a_sample_counts_for_its_rarest_label() -> None:
    targets = np.zeros((60, 3), dtype=np.int8)
    targets[:40, 0] = 1
    targets[30:50, 1] = 1
    targets[:2, 2] = 1
    codes = rarest(targets)
    # 28 have label 0 alone, 20 label 1, 10 none; the two of label 2 are too few to be dealt.
    assert np.bincount(codes).tolist() == [10, 30, 20]
    assert (codes[30:50] == 2).all()
    targets[:, 2] = 0
    assert np.bincount(rarest(targets)).tolist() == [10, 30, 20]


def early(written: list[str], asked: Sequence[str] = (), least: int = 0) -> None:
    Reading(Labels(), TASK, written).early(written, asked, least)


def test_a_rule_about_a_label_that_is_none_is_refused_early() -> None:
    early(["a|b"], ["b"])
    with pytest.raises(
        DataError,
        match=r"gate\.rules names the label 'bb', which is none of the data\. The labels are a, b\.",
    ):
        early(["a|b"], ["bb"])


def test_labels_that_look_alike_are_told() -> None:
    (said,) = Reading(Labels(), TASK, ["Spam|ham", "spam"]).warnings([])[:1]
    assert said.startswith("These labels look alike, but are separate: 'Spam' and 'spam'.")


def test_a_label_that_too_few_samples_have_or_lack_is_refused_early() -> None:
    early(["a|b", "a", "b"], least=1)
    with pytest.raises(
        DataError, match=r"1 sample without the label 'a' .* than 2; 1 sample with the label 'b'"
    ):
        early(["a|c", "a", "b", "a|c"], least=2)
