"""What `python -m components check` refuses for regression, by name."""

from pathlib import Path

import pytest
from line import values
from pydantic import ValidationError

from components.params import Params


def refused(section: str, **more: object) -> str:
    said = values(Path("pictures"))
    said[section] = {**dict(said.get(section, {})), **more}  # type: ignore[call-overload]
    with pytest.raises(ValidationError) as found:
        Params.model_validate(said)
    return str(found.value)


def test_the_tiny_line_is_right_and_auto_is_rmse() -> None:
    params = Params.model_validate(values(Path("pictures")))
    assert (params.select.metric, params.head.metric, params.promotion.slices.metric) == (
        "rmse",
        "rmse",
        "mae",
    )


@pytest.mark.parametrize(
    ("section", "more", "said"),
    [
        ("head", {"method": "logistic"}, "head.method 'logistic' needs classes"),
        ("head", {"method": "prototypes"}, "head.method 'prototypes' needs classes"),
        ("head", {"method": "neighbours"}, "for regression: linear, mlp, random_features"),
        ("tune", {"label_smoothing": 0.1}, "tune.label_smoothing is for classes"),
        ("tune", {"best_by": "accuracy"}, "tune.best_by: 'accuracy' is not allowed"),
        ("select", {"threshold": {"rule": "best_f1"}}, "select.threshold.rule 'best_f1' is for classes"),
        ("select", {"metric": "pinball"}, "select.metric 'pinball' needs prediction intervals"),
        ("task", {"positive": "x"}, "task.positive\n  unknown key"),
        ("task", {"range": [1, 1]}, "the least number must be below the greatest"),
        ("task", {"loss": "poisson"}, "task.loss\n  Input should be 'mse', "),
    ],
)
def test_refusals(section: str, more: dict[str, object], said: str) -> None:
    assert said in refused(section, **more)


def test_overfitting_is_judged_by_the_error_that_training_keeps() -> None:
    said = values(Path("pictures"))
    said["gate"] = {**dict(said["gate"]), "overfitting": {"at_most": 3}}  # type: ignore[call-overload]
    params = Params.model_validate(said)
    assert params.gate.overfitting
    assert (params.gate.overfitting.metric, params.gate.overfitting.at_most) == ("mae", 3)
    gate = {**said["gate"], "overfitting": {"metric": "rmse"}}  # type: ignore[dict-item]
    assert "gate.overfitting.metric: 'rmse' is not allowed. Allowed: auto, mae" in refused("gate", **gate)


def of_two(**sections: dict[str, object]) -> dict[str, object]:
    """Parameters of the tiny line with two numbers."""
    said = values(Path("pictures"))
    said["data"]["labels"]["label"] = ["bright", "dark"]  # type: ignore[index]
    for name, more in sections.items():
        said[name] = {**dict(said[name]), **more}  # type: ignore[call-overload]
    return said


def rules(*asked: dict[str, object]) -> dict[str, object]:
    return {"rules": list(asked)}


def test_each_of_several_numbers_has_its_unit_range_and_rule() -> None:
    rule = {"metric": "coverage", "at_least": 0.8, "number": "dark"}
    task = {"unit": {"bright": "%", "dark": "mm"}, "range": {"dark": [0, 1000]}}
    params = Params.model_validate(of_two(task=task, gate=rules(rule, {"metric": "rmse", "at_most": 1})))
    assert [asked.name for asked in params.gate.rules] == ["coverage of dark", "rmse"]
    margins = {"promotion": {"margins": {"rmse of dark": 3}}}
    assert Params.model_validate({**of_two(), **margins}).promotion.margins == {"rmse of dark": 3}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"task": {"unit": {"brigt": "%"}}}, "'brigt' is no column of data.labels.label; did you mean 'bright'"),
        ({"task": {"range": {"z": [0, 1]}}}, "task.range: 'z' is no column of data.labels.label. Allowed: bright,"),
        ({"task": {"range": {"dark": [1, 0]}}}, "the least number must be below the greatest"),
        ({"task": {"unit": {"size": "mm"}}}, "DVC's run cache overlooks keys of that name"),
        (
            {"gate": rules({"metric": "rmse", "at_most": 1, "number": "drak"})},
            "gate.rules: number 'drak' is not in data.labels.label; did you mean 'dark'? Allowed: bright, dark",
        ),
        (
            {"gate": rules({"metric": "r2", "at_least": 0, "number": "dark"})},
            "gate.rules.0: r2 is of all; number goes with rmse, mae, coverage: leave it out",
        ),
    ],
)  # fmt: skip
def test_refusals_of_several_numbers(sections: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(ValidationError) as found:
        Params.model_validate(of_two(**sections))
    assert said in str(found.value)


def test_one_number_has_no_metric_of_its_own() -> None:
    asked = rules({"metric": "mae", "at_most": 25, "number": "bright"})
    said = "gate.rules: number 'bright' is not in data.labels.label. There is one number only: leave it out."
    assert said in refused("gate", **asked)


def test_gate_and_labels() -> None:
    labels = {**dict(values(Path("p"))["data"])["labels"], "classes": {"low": "< 3"}}  # type: ignore[call-overload]
    assert "data.labels.classes names classes" in refused("data", labels=labels)


def test_a_class_has_one_column() -> None:
    said = values(Path("p"))
    said["task"], said["head"] = {"problem": "classification"}, {"method": "linear"}
    said["gate"] = {"rules": [{"metric": "accuracy", "at_least": 0.5}]}
    said["data"]["labels"]["label"] = ["bright", "dark"]  # type: ignore[index]
    with pytest.raises(ValidationError, match="a sample has one class"):
        Params.model_validate(said)
