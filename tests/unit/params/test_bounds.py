"""Bounds that no value of the metric can reach, or miss, are refused with its range."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import ParamsError
from components.params.load import check

ROOT = Path(__file__).parents[3]


@pytest.fixture
def values() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))  # type: ignore[no-any-return]


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(ParamsError) as caught:
        check(values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"metric": "accuracy", "at_least": 82},
            "gate.rules, entry 1, at_least is 82, outside the range of accuracy; allowed: 0 to 1; 82 percent is "
            "written 0.82",
        ),
        (
            {"metric": "ece", "at_most": -0.1},
            "gate.rules, entry 1, at_most is -0.1, outside the range of ece; allowed: 0 to 1",
        ),
        (
            {"metric": "recall", "class": "defective", "at_least": 9},
            "outside the range of recall; allowed: 0 to 1",
        ),
    ],
)
def test_a_rule_outside_the_metric_s_range(values: dict[str, Any], rule: dict[str, Any], said: str) -> None:
    values["gate"]["rules"] = [rule]
    assert said in refused(values)


def test_differences_are_no_larger_than_the_range(values: dict[str, Any]) -> None:
    values["gate"]["better_than_controls"] = {"metric": "auto", "margin": 2}
    values["gate"]["fairness"] = {"columns": ["type"], "worst_at_least": 70, "gap_at_most": 5}
    values["promotion"]["margins"] = {"auroc": 2}
    values["promotion"]["slices"] = {"at_most": 5, "of": {"type=mono": 1.5}}
    said = refused(values)
    assert (
        "gate.better_than_controls.margin is 2, more than balanced_accuracy can differ by; allowed: 0 to 1"
        in said
    )
    assert (
        "gate.fairness.worst_at_least is 70, outside the range of balanced_accuracy; allowed: 0 to 1" in said
    )
    assert "gate.fairness.gap_at_most is 5, more than balanced_accuracy can differ by" in said
    assert "promotion.margins.auroc is 2" in said
    assert (
        "promotion.slices.at_most is 5, more than accuracy can differ by; allowed: 0 to 1; 5 percent is"
        in said
    )
    assert "promotion.slices.of.type=mono is 1.5" in said
    assert "has 6 mistakes" in said


@pytest.mark.parametrize(
    ("metric", "bound", "allowed"),
    [("rmse", -1, "0 or more"), ("r2", 1.5, "1 or less"), ("spearman", -2, "-1 to 1")],
)
def test_ranges_without_an_end(values: dict[str, Any], metric: str, bound: float, allowed: str) -> None:
    values |= {"head": {"method": "linear"}, "select": {}, "promotion": {}}
    values["task"] = {"modality": "image", "problem": "regression"}
    values["data"]["labels"]["classes"] = {}
    values["gate"] = {
        "rules": [{"metric": metric, "at_least": bound}],
        "better_than_controls": {"metric": "auto"},
    }
    assert f"is {bound:g}, outside the range of {metric}; allowed: {allowed}" in refused(values)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"rules": [{"metric": "accuracy", "at_most": 0.8}]},
            "gate.rules, entry 1, at_most: accuracy is better when higher: write at_least",
        ),
        (
            {"rules": [{"metric": "ece", "at_least": 0.1}]},
            "gate.rules, entry 1, at_least: ece is better when lower: write at_most",
        ),
        (
            {"fairness": {"columns": ["type"], "metric": "accuracy", "worst_at_most": 0.8}},
            "gate.fairness.worst_at_most: accuracy is better when higher: write worst_at_least",
        ),
    ],
)
def test_a_bound_on_the_side_where_a_metric_is_better(
    values: dict[str, Any], section: dict[str, Any], said: str
) -> None:
    """It would refuse good models, and pass the others."""
    values["gate"] |= section
    assert said in refused(values)
