"""No wrong value is told in pydantic's English, wherever it stands."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from components.errors import ParamsError
from components.params import plugins
from components.params.base import keys_of
from components.params.load import check, load_params, section_in
from components.params.scoring import Job, read_job
from components.params.tree import Params
from components.params.watching import Look, read_look
from components.params.wording import BOUNDS, KINDS, explain

ROOT = Path(__file__).parents[3]
PROBLEMS = plugins.names("problems")
WRONG: tuple[Any, ...] = (
    None, True, "", "text", -1, 0, 1.5, 10**6, float("inf"), float("nan"), [], [[]], [None], [1, 2, 3], {}, {"a": 1},
    {"a": []}, {1: 2},
)  # fmt: skip


def places(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, field in keys_of(model).items():
        yield (*at, key)
        if (inner := section_in(field.annotation)) is not None:
            yield from places(inner, (*at, key))


def wrapped(at: tuple[str, ...], value: object) -> object:
    for key in reversed(at):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    "model", [Params, Job, Look, *(plugins.options("problems", name) for name in PROBLEMS)]
)
def test_every_wrong_value_of_every_key_is_told_in_our_words(model: type[BaseModel]) -> None:
    told = set()
    for at in places(model):
        for value in WRONG:
            try:
                model.model_validate(wrapped(at, value))
            except ValidationError as error:
                theirs = [item["msg"] for item in error.errors() if item["type"] != "value_error"]
                told |= {item["type"] for item in error.errors()}
                for line in explain(error, model):
                    assert not any(words in line for words in (*theirs, "nput should", "[type="))
                    # Members of unions, and what pydantic calls them, are no places.
                    assert not any(
                        words in line.partition(": ")[0] for words in ("str", "[", "function-", "float")
                    )
    known = {*BOUNDS, *KINDS, "missing", "extra_forbidden", "literal_error", "model_type", "finite_number"}
    assert told <= {*known, "value_error", "invalid_key"}


@pytest.mark.parametrize(
    ("section", "key", "value", "line"),
    [
        ("tune", "epochs", 0, "tune.epochs: 0 is too small; allowed: 1 or more"),
        ("tune", "epochs", "many", "tune.epochs: 'many' is not a whole number"),
        ("tune", "epochs", 1.5, "tune.epochs: 1.5 is not a whole number"),
        ("evaluate", "confidence", 1, "evaluate.confidence: 1 is too large; allowed: less than 1.0"),
        ("head", "l2", 3, "head.l2: 3 is no list; write it in brackets: [one, other]"),
        ("head", "l2", [], "head.l2: [] holds too little; allowed: 1 or more values"),
        ("head", "l2", [1, "a"], "head.l2.1: 'a' is not a number"),
        ("augment", "flips", "maybe", "augment.flips: 'maybe' is not true or false"),
        ("data", "labels", {"label": 5}, "data.labels.label: 5 is not allowed; allowed: a text or a list"),
        ("data", "labels", {"label": ["a", 5]}, "data.labels.label.1: 5 is no text; write it in quotes"),
        ("data", "sha256", "abc", "data.sha256: 'abc' is not allowed; allowed: what matches ^[0-9a-f]{64}$"),
        ("export", "release", "fp8", "export.release: 'fp8' is not allowed. Allowed: fp32, int8 or fp16"),
    ],
)
def test_value_place_and_what_is_allowed(section: str, key: str, value: object, line: str) -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values[section][key] = value
    with pytest.raises(ParamsError) as caught:
        check(values)
    assert line in [told.removeprefix("  - ") for told in str(caught.value).splitlines()]


def test_an_unknown_key_of_a_command_is_told_with_those_that_are_allowed() -> None:
    said = r"shrad: unknown key; did you mean 'shard'\? Allowed: alias, .*, version"
    with pytest.raises(ParamsError, match=said):
        read_job({"input": "in", "output": "out", "shrad": "1/2"})
    with pytest.raises(ParamsError, match=r"lables: unknown key; did you mean 'labels'\? Allowed: alias, "):
        read_look({"input": "in", "lables": "known.csv"})


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("{modality: image, problem: classification, positive: yes}", 'task.positive: YAML reads yes as true or false; '
         'write it in quotes: "yes"'),
        ("{modality: image, problem: multi_label, labels: [on, a]}", 'task.labels.0: YAML reads on as true or false; '
         'write it in quotes: "on"'),
        ("{modality: image, problem: regression, unit: 12:30}", 'task.unit: YAML reads 12:30 as the number 750; write '
         'it in quotes: "12:30"'),
    ],
)  # fmt: skip
def test_texts_of_the_problem_without_quotes(tmp_path: Path, task: str, said: str) -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["task"] = "HERE"
    values["data"]["labels"]["classes"] = {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values).replace("HERE", task))
    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")
    lines = [line.removeprefix("  - ") for line in str(caught.value).splitlines()]
    assert [line for line in lines if line.startswith("task.")] == [said]


def test_all_keys_of_the_problem_are_told_at_once_and_what_depends_on_it_too() -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["data"]["labels"]["classes"] = {}
    values["task"] = {
        "modality": "image",
        "problem": "regression",
        "positive": "a",
        "coverage": 2,
        "loss": "l1",
    }
    with pytest.raises(ParamsError) as caught:
        check(values)
    said = str(caught.value)
    for words in (
        "task.positive: unknown key. Allowed: bits, coverage",
        "task.coverage: 2 is too large; allowed: less than 1.0",
        "task.loss: 'l1' is not allowed",
        "head.method 'logistic' needs classes",
        "gate.rules.0.metric: 'accuracy' is not allowed",
        "select.metric: 'auroc' is not allowed",
        "promotion.metric: 'balanced_accuracy' is not allowed",
    ):
        assert words in said
    # Of what hangs on a key that is wrong itself, nothing is said.
    assert "prediction intervals" not in said


def test_a_misspelt_problem_hides_no_other_mistake() -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["data"]["labels"]["classes"] = {}
    values["task"] = {"modality": "image", "problem": "regresion", "coverage": 2}
    with pytest.raises(ParamsError) as caught:
        check(values)
    said = str(caught.value)
    for words in (
        "task.problem: 'regresion' is not allowed; did you mean 'regression'?",
        "task.coverage: 2 is too large",
        "head.method 'logistic' needs classes",
        "gate.rules.0.metric: 'accuracy' is not allowed",
    ):
        assert words in said


def test_a_problem_that_is_near_to_none_is_told_by_itself() -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["task"] = {"modality": "image", "problem": "guessing", "certainty": 2}
    with pytest.raises(
        ParamsError, match=r"has 1 mistake:.*\n?.*'guessing' is not allowed. Allowed: classification"
    ):
        check(values)
