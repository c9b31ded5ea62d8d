"""What `python -m components check` refuses for regression, by name."""

from pathlib import Path

import pytest
from line import values

from components.errors import ParamsError
from components.params.load import check


def refused(section: str, **more: object) -> str:
    said = values(Path("pictures"))
    said[section] = {**dict(said.get(section, {})), **more}  # type: ignore[call-overload]
    with pytest.raises(ParamsError) as found:
        check(said)
    return str(found.value)


def test_the_tiny_line_is_right_and_auto_is_rmse() -> None:
    params = check(values(Path("pictures")))
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
        ("task", {"positive": "x"}, "task.positive: unknown key. Allowed: bits, "),
        ("task", {"range": [1, 1]}, "the least number must be below the greatest"),
        ("task", {"loss": "poisson"}, "task.loss: 'poisson' is not allowed. Allowed: mse, "),
    ],
)
def test_refusals(section: str, more: dict[str, object], said: str) -> None:
    assert said in refused(section, **more)


def test_overfitting_is_judged_by_the_error_that_training_keeps() -> None:
    said = values(Path("pictures"))
    said["gate"] = {**dict(said["gate"]), "overfitting": {"at_most": 3}}  # type: ignore[call-overload]
    params = check(said)
    assert params.gate.overfitting
    assert (params.gate.overfitting.metric, params.gate.overfitting.at_most) == ("mae", 3)
    gate = {**said["gate"], "overfitting": {"metric": "rmse"}}  # type: ignore[dict-item]
    assert "gate.overfitting.metric: 'rmse' is not allowed. Allowed: auto, mae" in refused("gate", **gate)


def test_gate_and_labels() -> None:
    labels = {**dict(values(Path("p"))["data"])["labels"], "classes": {"low": "< 3"}}  # type: ignore[call-overload]
    assert "data.labels.classes names classes" in refused("data", labels=labels)


def test_a_class_has_one_column() -> None:
    said = values(Path("p"))
    said["task"], said["head"] = {"problem": "classification"}, {"method": "linear"}
    said["gate"] = {"rules": [{"metric": "accuracy", "at_least": 0.5}]}
    said["data"]["labels"]["label"] = ["bright", "dark"]  # type: ignore[index]
    with pytest.raises(ParamsError, match="a sample has one class"):
        check(said)
