"""Conditions of classes that overlap are refused, and gaps between them are told, without any data."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from written import PARAMS

from components.errors import ParamsError
from components.params.conditions import check_values, gaps, read_condition
from components.params.load import check


def source(classes: dict[str, object], **labels: object) -> dict[str, object]:
    """Params of a source that is elsewhere."""
    data = {"source": "s3://bucket/scans", "licence": "ours", "layout": "labels"}
    return {**copy.deepcopy(PARAMS), "data": {**data, "labels": {"classes": classes, **labels}}}


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (
            {"functional": "< 0.6", "defective": ">= 0.5"},
            "classes.functional ('< 0.6') and classes.defective ('>= 0.5') overlap: 0.5 would belong to both; make "
            "them exclude each other",
        ),
        ({"a": "<= 0.5", "b": ">= 0.5"}, "overlap: 0.5 would"),
        ({"a": "> 0.5", "b": "> 0.5, < 2"}, "overlap: numbers between 0.5 and 2 would"),
        ({"a": "!= 0", "b": 1}, "overlap: 1 would"),
        ({"a": "!= 0", "b": "!= 1"}, "overlap: numbers below 0 would"),
        ({"a": "0.7", "b": ">= 0.5"}, "overlap: 0.7 would"),
        ({"a": "1", "b": 1}, "overlap: 1 would"),
        ({"a": "> 1, < 0", "b": "x"}, "classes.a: no number satisfies '> 1, < 0'"),
        ({"a": "< 0,5", "b": "x"}, "Write decimals with a point: '< 0.5'"),
        ({"a": "> 1e999999999", "b": ">= 1e999999999"}, "overlap: numbers above 1E+999999999"),
    ],
)
def test_conditions_that_exclude_nothing_are_refused(classes: dict[str, object], words: str) -> None:
    with pytest.raises(ParamsError) as caught:
        check(source(classes))
    assert words in str(caught.value)


def test_of_several_columns_each_has_a_condition_of_its_own() -> None:
    task = {"task": {"modality": "image", "problem": "multi_label"}, "head": {"method": "linear"}}
    given = source({"scratch": ">= 0.5", "dent": ">= 0.4"}, label=["scratch", "dent"])
    rules = {"gate": {"rules": [{"metric": "macro_f1", "at_least": 0.5}]}}
    assert check({**given, **task, **rules}).data.labels.classes


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ({"a": "< 0.5", "b": ">= 0.5"}, None),
        ({"a": "< 0.5", "b": "> 0.5"}, "no class takes 0.5."),
        ({"a": "< 0.3", "b": ">= 0.5"}, "no class takes 0.3 and numbers between 0.3 and 0.5."),
        ({"a": "< 0.3", "b": ">= 0.5", "c": 0.3}, "no class takes numbers between 0.3 and 0.5."),
        ({"a": "<= 3", "b": ">= 4"}, None),
        ({"a": "<= 3", "b": ">= 5"}, "no class takes numbers between 3 and 5."),
        ({"a": "< 3", "b": ">= 4"}, "no class takes 3."),
        ({"a": ">= 0, < 1", "b": ">= 1, <= 2"}, None),
        ({"a": 0, "b": ">= 1"}, None),
        ({"a": 0, "b": 1}, None),
        ({"a": "x", "b": "y"}, None),
        ({}, None),
    ],
)
def test_a_gap_between_ranges_is_told(classes: dict[str, str | float], said: str | None) -> None:
    check_values(classes)
    found = gaps(classes)
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@given(
    st.lists(
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "=="]), st.integers(-3, 3)), min_size=1, max_size=3
    )
)
def test_what_passes_gives_no_number_to_two_classes(rules: list[tuple[str, int]]) -> None:
    classes: dict[str, str | float] = {f"c{n}": f"{sign} {bound}" for n, (sign, bound) in enumerate(rules)}
    labels = [str(number / 2) for number in range(-8, 9)]
    several = [x for x in labels if sum(read_condition(c).holds(x) for c in classes.values()) > 1]
    try:
        check_values(classes)
    except ValueError:
        assert several
    else:
        assert not several


def test_the_command_tells_a_gap(tmp_path, monkeypatch, capfd) -> None:  # type: ignore[no-untyped-def]
    from components.__main__ import main

    (tmp_path / "params.yaml").write_text(yaml.safe_dump(source({"a": "< 0.3", "b": ">= 0.5"})))
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 0
    out, err = capfd.readouterr()
    assert out == "params.yaml is fine.\n"
    assert "Warning: data.labels.classes leaves a gap: no class takes 0.3" in err
