"""What `python -m components check` refuses for several labels, by name."""

import copy
from pathlib import Path
from typing import Any

import pytest
from labelled_line import params_of

from components.errors import ParamsError
from components.params.load import check
from components.problems import decision
from components.problems.operation import watch

COLUMNS = {"label": ["a", "b"]}
DECLARED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # keys of section `task`, of `data.labels`
    "in one cell": ({"labels": ["a", "b"]}, {}),
    "columns": ({}, COLUMNS),
    "columns with conditions": ({}, {"label": ["x", "y"], "classes": {"a": ">= 0.5", "b": "1"}}),
    "columns with other names": ({"labels": ["a", "b"]}, {"label": ["x", "y"]}),
}


def values(task: dict[str, Any], labels: dict[str, Any]) -> dict[str, Any]:
    made = params_of(Path("pictures")).model_dump(mode="json", by_alias=True, exclude_unset=True)
    made = copy.deepcopy(made)
    made["data"]["labels"] |= labels
    made["task"] |= task
    if not isinstance(made["data"]["labels"].get("label", ""), str):
        del made["task"]["none"]
    return made


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("key", ["rules", "fairness"])
def test_a_label_that_is_not_declared_is_refused(name: str, key: str) -> None:
    made = values(*DECLARED[name])
    for label in ("a", "nosuch"):
        if key == "rules":
            made["gate"]["rules"] = [{"metric": "recall", "class": label, "at_least": 0.5}]
        else:
            made["gate"]["fairness"] = {"columns": ["camera"], "class": label, "tpr_gap_at_most": 0.1}
        if label == "a":
            check(made)
            continue
        with pytest.raises(ParamsError, match=r"'nosuch' is not declared\. Allowed: a, b"):
            check(made)


def test_where_the_data_alone_name_the_labels_check_does_not_know_them() -> None:
    made = values({}, {})
    made["gate"]["rules"] = [{"metric": "recall", "class": "nosuch", "at_least": 0.5}]
    assert check(made).gate.rules[0].of == "nosuch"


HOLDING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "in one cell": ({"labels": ["a|b", "c"]}, {}),
    "columns": ({}, {"label": ["a|b", "c"]}),
    "columns with conditions": ({}, {"label": ["x", "y"], "classes": {"a|b": ">= 0.5", "c": "1"}}),
    "columns with other names": ({"labels": ["a|b", "c"]}, {"label": ["x", "y"]}),
}


@pytest.mark.parametrize("name", HOLDING)
def test_no_label_holds_the_separator_of_labels_that_come_later(name: str) -> None:
    task, labels = HOLDING[name]
    words = r"task\.separator is '\|', which the label 'a\|b' holds.*Set it to a text that no label holds"
    with pytest.raises(ParamsError, match=words):
        check(values(task, labels))
    params = check(values({**task, "separator": ";"}, labels))
    described = {"problem": "multi_label", "labels": ["a|b", "c"]}
    watching = watch(params.task, described, decision(params.task, described))
    assert watching.label(["a|b;c"]) == '["a|b", "c"]'


def test_no_column_is_called_as_samples_without_any_label_are() -> None:
    with pytest.raises(ParamsError, match="a label is called 'none', which says where labels come later"):
        check(values({}, {"label": ["a", "none"]}))
    check(values({"labels": ["a", "nothing"]}, {"label": ["a", "none"]}))
