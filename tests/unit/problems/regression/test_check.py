"""What `python -m components check` refuses for regression, by name."""

from pathlib import Path

import pytest
from line import values

from components.errors import ParamsError
from components.params.load import check
from flows.sweep import _metric


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
        ("select", {"threshold": {"rule": "best_f1"}}, "select.threshold is for classes or labels"),
        (
            "select",
            {"threshold": {"rule": "fixed", "value": 0.3}},
            "select.threshold is for classes or labels",
        ),
        ("data", {"limits": {"min_per_class": 10}}, "data.limits.min_per_class is for classes or labels"),
        (
            "data",
            {"split": {"labelled_per_class": 5}},
            "data.split.labelled_per_class is for classes or labels, but task.problem is regression: leave it out",
        ),
        ("select", {"metric": "pinball"}, "select.metric: 'pinball' needs what calibration makes"),
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
    params = check(of_two(task=task, gate=rules(rule, {"metric": "rmse", "at_most": 1})))
    assert [asked.name for asked in params.gate.rules] == ["coverage of dark", "rmse"]
    margins = {"promotion": {"margins": {"rmse of dark": 3}}}
    assert check({**of_two(), **margins}).promotion.margins == {"rmse of dark": 3}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"task": {"unit": {"brigt": "%"}}}, "'brigt' is no column of data.labels.label; did you mean 'bright'"),
        ({"task": {"range": {"z": [0, 1]}}}, "task.range: 'z' is no column of data.labels.label. Allowed: bright,"),
        ({"task": {"unit": ["%", "mm"]}}, "task.unit: ['%', 'mm'] is a list; of several numbers write each with its "
         "column of data.labels.label: {COLUMN: %, COLUMN: mm}"),
        ({"task": {"range": [[0, 1], [0, 5]]}}, "data.labels.label: {COLUMN: [0, 1], COLUMN: [0, 5]}"),
        ({"task": {"range": {"dark": [1, 0]}}}, "the least number must be below the greatest"),
        ({"task": {"unit": {"size": "mm"}}}, "DVC's run cache overlooks keys of that name"),
        (
            {"gate": rules({"metric": "rmse", "at_most": 1, "number": "drak"})},
            "gate.rules: number 'drak' is not declared; did you mean 'dark'? Allowed: bright, dark",
        ),
        (
            {"gate": rules({"metric": "r2", "at_least": 0, "number": "dark"})},
            "gate.rules, entry 1: r2 is of all; number goes with rmse, mae, coverage: leave it out",
        ),
    ],
)  # fmt: skip
def test_refusals_of_several_numbers(sections: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(ParamsError) as found:
        check(of_two(**sections))
    assert said in str(found.value)


def test_one_number_has_no_metric_of_its_own() -> None:
    asked = rules({"metric": "mae", "at_most": 25, "number": "bright"})
    said = "gate.rules: mae of 'bright': there is one number only, so leave `number` out"
    assert said in refused("gate", **asked)


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


FITTED = ["pinball", "coverage", "interval_width"]


@pytest.mark.parametrize("metric", FITTED)
@pytest.mark.parametrize("loss", ["mse", "quantile"])
@pytest.mark.parametrize("section", ["head", "select"])
def test_networks_have_metrics_of_intervals_before_calibration_only_where_they_learn_them(
    section: str, loss: str, metric: str
) -> None:
    said = values(Path("pictures"))
    said["task"] = {**dict(said["task"]), "loss": loss}  # type: ignore[call-overload]
    said[section] = {**dict(said.get(section, {})), "metric": metric}  # type: ignore[call-overload]
    if loss == "quantile":
        assert getattr(check(said), section).metric == metric
        return
    with pytest.raises(ParamsError) as found:
        check(said)
    words = f"{section}.metric: {metric!r} needs what calibration makes"
    assert words in str(found.value)
    assert "Allowed: rmse, mae, r2, spearman; or set task.loss: quantile" in str(found.value)


@pytest.mark.parametrize("metric", FITTED)
@pytest.mark.parametrize("loss", ["mse", "quantile"])
@pytest.mark.parametrize("rule", ["better_than_controls", "forgetting"])
def test_a_calibrated_release_is_not_compared_with_what_is_not(rule: str, loss: str, metric: str) -> None:
    said = values(Path("pictures"))
    said["task"] = {**dict(said["task"]), "loss": loss}  # type: ignore[call-overload]
    said["gate"] = {**dict(said["gate"]), rule: {"metric": metric}}  # type: ignore[call-overload]
    with pytest.raises(ParamsError) as found:
        check(said)
    assert f"gate.{rule}.metric: {metric!r} needs what calibration makes" in str(found.value)
    assert "task.loss" not in str(found.value)


def test_what_a_release_alone_is_judged_by_may_be_of_intervals() -> None:
    said = values(Path("pictures"))
    rules = [{"metric": metric, "at_least" if metric == "coverage" else "at_most": 0.9} for metric in FITTED]
    said["gate"] = {"rules": rules, "better_than_controls": {"metric": "mae"}}
    said["promotion"] = {"metric": "pinball"}
    assert check(said).promotion.metric == "pinball"


def test_a_sweep_is_not_compared_by_what_no_trial_has() -> None:
    params = check(values(Path("pictures")))
    assert _metric("mae", params) == "mae"
    with pytest.raises(
        ParamsError, match="--metric: 'coverage' needs what calibration makes, which trials do not"
    ):
        _metric("coverage", params)
