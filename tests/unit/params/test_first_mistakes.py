"""What newcomers write wrongly in params.yaml, and what they are told."""

import copy
from pathlib import Path

import pytest
import yaml
from written import PARAMS

from components.errors import DataError, ParamsError
from components.params import load_params

TABLE = {"source": "file:.", "licence": "CC0", "layout": "manifest"}


def told(tmp_path: Path, **sections: object) -> list[str]:
    """The mistakes of params.yaml with these sections, which may be YAML as it is typed."""
    values = copy.deepcopy(PARAMS)
    typed = {name: value for name, value in sections.items() if isinstance(value, str)}
    values |= {name: f"TYPED-{name}" if name in typed else value for name, value in sections.items()}
    text = yaml.safe_dump(values)
    for name, value in typed.items():
        text = text.replace(f"TYPED-{name}", value)
    (tmp_path / "params.yaml").write_text(text)
    try:
        load_params(tmp_path / "params.yaml")
    except ParamsError as error:
        return [line.removeprefix("  - ") for line in str(error).splitlines() if line.startswith("  - ")]
    return []


@pytest.mark.parametrize(
    ("typed", "right"),
    [("{0: ok, 1: bad}", '{ok: "0", bad: "1"}'), ("{1.5: ok}", '{ok: "1.5"}')],
)
def test_classes_the_wrong_way_round_are_told_once(tmp_path: Path, typed: str, right: str) -> None:
    data = f"{{source: 'file:.', licence: CC0, layout: manifest, labels: {{classes: {typed}}}}}"
    said = told(tmp_path, data=data)
    assert said == [f"data.labels.classes: the class name first, then the value: {right}"]


@pytest.mark.parametrize("typed", ['{0: "0", 1: "1"}', '{0: "< 5", 1: ">= 5"}'])
def test_numbers_that_are_names_of_classes_need_quotes(tmp_path: Path, typed: str) -> None:
    data = f"{{source: 'file:.', licence: CC0, layout: manifest, labels: {{classes: {typed}}}}}"
    assert [line.endswith(('in quotes: "0"', 'in quotes: "1"')) for line in told(tmp_path, data=data)] == [
        True
    ] * 2


@pytest.mark.parametrize(
    ("classes", "positive", "words"),
    [
        ({"0": "ok", "1": "bad"}, "bad", 'the class name first, then the value: {ok: "0", bad: "1"}'),
        ({"ok": "0", "bad": "1"}, "1", "'1' is the value of the class bad: write its name"),
    ],
)
def test_a_positive_class_that_is_a_value(
    tmp_path: Path, classes: dict[str, str], positive: str, words: str
) -> None:
    task = {"modality": "image", "problem": "classification", "positive": positive}
    (line,) = told(tmp_path, data={**TABLE, "labels": {"classes": classes}}, task=task)
    assert line.startswith(f"task.positive is '{positive}'; allowed: ")
    assert line.endswith(words)


@pytest.mark.parametrize("typed", ["off", "null", "false", "none"])
def test_the_comparison_with_controls_is_always_on(tmp_path: Path, typed: str) -> None:
    gate = f"{{rules: [{{metric: accuracy, at_least: 0.5}}], better_than_controls: {typed}}}"
    (line,) = told(tmp_path, gate=gate)
    assert line.startswith("gate.better_than_controls: this comparison is always on, because ")
    assert "negative transfer" in line
    assert "{margin: 0.01}" in line


def test_a_metric_of_another_problem(tmp_path: Path) -> None:
    gate = {"rules": [{"metric": "rmse", "at_most": 1}], "better_than_controls": {"metric": "rmse"}}
    rule, controls = told(tmp_path, gate=gate)
    assert rule.startswith(
        "gate.rules, entry 1, metric: 'rmse' is not allowed; it belongs to task.problem regression. Allowed: auto, "
    )
    assert rule.endswith(", recall")
    assert controls.startswith("gate.better_than_controls.metric: 'rmse' is not allowed; it belongs to ")
    assert "recall" not in controls


def test_all_mistakes_of_one_rule_are_told(tmp_path: Path) -> None:
    gate = {"rules": [{"metric": "acuracy", "at_leat": 0.5}], "forgetting": {"metric": "acuracy"}}
    said = told(tmp_path, gate=gate)
    assert any("at_leat: unknown key; did you mean 'at_least'?" in line for line in said)
    for place in ("gate.rules, entry 1, metric", "gate.forgetting.metric"):
        assert any(line.startswith(f"{place}: 'acuracy' is not allowed; did you mean") for line in said)


def test_columns_are_no_mistake_where_the_layout_is_missing(tmp_path: Path) -> None:
    data = {"source": "file:.", "licence": "CC0", "labels": {"text": "body", "group": "user"}}
    assert told(tmp_path, data=data) == ["data.layout: missing; it must be written out, even the default"]


def test_a_hint_ends_its_sentence() -> None:
    error = DataError("There is 'string'; did you mean 'strings'?.", "Correct it.")
    assert str(error) == "There is 'string'; did you mean 'strings'? Correct it."
