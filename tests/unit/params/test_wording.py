"""No wrong value is told in pydantic's English, wherever it stands."""

import copy
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from components.errors import ParamsError
from components.params import plugins
from components.params.base import keys_of
from components.params.choosing import Choosing
from components.params.load import check, load_params, section_in
from components.params.scoring import Job, read_job
from components.params.tree import Params
from components.params.watching import Look, read_look
from components.params.wording import BOUNDS, KINDS, explain, members, mistakes
from components.params.wording import written as placed

ROOT = Path(__file__).parents[3]
PROBLEMS = plugins.names("problems")
Place = tuple[str | int, ...]
WRONG: tuple[Any, ...] = (
    None, True, "", "text", -1, 0, 1.5, 10**6, float("inf"), float("nan"), [], [[]], [None], [1, 2, 3], {}, {"a": 1},
    {"a": []}, {1: 2}, "?", "yes", "1",
)  # fmt: skip


def places(annotation: object, at: Place = ()) -> Iterator[tuple[set[object], Place]]:
    """Each place below, with the types that it may hold."""
    options = list(members(annotation))
    yield set(options), at
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            for key, field in keys_of(option).items():
                yield from places(field.annotation, (*at, key))
        elif typing.get_origin(option) in (tuple, list):
            yield from places(typing.get_args(option)[0], (*at, 0))
        elif typing.get_origin(option) is dict:
            yield from places(typing.get_args(option)[1], (*at, "a"))


def wrapped(at: Place, value: object) -> object:
    for part in reversed(at):
        value = [value] if isinstance(part, int) else {part: value}
    return value


@pytest.mark.parametrize(
    "model", [Params, Job, Look, *(plugins.options("problems", name) for name in PROBLEMS)]
)
def test_every_wrong_value_of_every_key_is_told_in_our_words(model: type[BaseModel]) -> None:
    told = set()
    for at in (at for _, at in places(model) if at):
        for value in WRONG:
            try:
                model.model_validate(wrapped(at, value))
            except ValidationError as error:
                theirs = [item["msg"] for item in error.errors() if item["type"] != "value_error"]
                told |= {item["type"] for item in error.errors()}
                for line in explain(error, model):
                    assert not any(
                        words in line for words in (*theirs, "nput should", "[type=", "what matches")
                    )
                    # Members of unions, and what pydantic calls them, are no places.
                    assert not any(
                        words in line.partition(": ")[0] for words in ("str", "[", "function-", "float")
                    )
    known = {*BOUNDS, *KINDS, "missing", "extra_forbidden", "literal_error", "model_type", "finite_number"}
    assert told <= {*known, "value_error", "invalid_key"}


def all_models() -> Iterator[type[BaseModel]]:
    """Of params.yaml, of each plug-in that it can choose, and of the commands."""
    yield from (Params, Job, Look)
    for field in Params.model_fields.values():
        kind = section_in(field.annotation)
        if kind is not None and issubclass(kind, Choosing):
            for _, room in kind.choices():
                yield from (plugins.options(room, name) for name in plugins.names(room))


NO_BOOLEANS = ("yes", "true", "1", 0, 1, 1.0)
NO_NUMBERS = ("1", "0.5", "1e-3", True, False)


def wrong_for(kinds: set[object]) -> tuple[object, ...]:
    if str in kinds or any(typing.get_origin(kind) is Literal for kind in kinds):
        return ()
    return NO_BOOLEANS if bool in kinds else NO_NUMBERS if kinds & {int, float} else ()


def test_booleans_and_numbers_are_no_texts_and_not_each_other_in_any_key() -> None:
    tried = set()
    for model in all_models():
        for kinds, at in places(model):
            for value in wrong_for(kinds):
                with pytest.raises(ValidationError) as caught:
                    model.model_validate(wrapped(at, value))
                told = [item["loc"] for item in mistakes(caught.value.errors(include_url=False), model)]
                assert any(loc[: len(at)] == at for loc in told), (model, at, value, told)
                tried.add(at)
    assert {
        ("augment", "flips"),
        ("tune", "epochs"),
        ("gate", "rules", 0, "at_least"),
        ("embeddings",),
    } <= tried


def test_numbers_stay_what_they_are() -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["data"]["limits"]["max_pixels"] = 5.0e7
    values["evaluate"]["confidence"] = 0.9
    values["data"]["labels"]["classes"] = {"functional": 0, "defective": 1}
    found = check(values)
    assert (type(found.data.limits.max_pixels), found.data.limits.max_pixels) == (int, 50_000_000)
    assert [type(value) for value in found.data.labels.classes.values()] == [int, int]


@pytest.mark.parametrize(
    ("section", "key", "value", "line"),
    [
        ("tune", "epochs", 0, "tune.epochs: 0 is too small; allowed: 1 or more"),
        ("tune", "epochs", "many", "tune.epochs: 'many' is not a whole number"),
        ("tune", "epochs", 1.5, "tune.epochs: 1.5 is not a whole number"),
        ("evaluate", "confidence", 1, "evaluate.confidence: 1 is too large; allowed: less than 1.0"),
        ("head", "l2", 3, "head.l2: 3 is no list; write it in brackets: [one, other]"),
        ("head", "l2", [], "head.l2: [] holds too little; allowed: 1 or more values"),
        ("head", "l2", [1, "a"], "head.l2, entry 2: 'a' is not a number"),
        ("augment", "flips", "maybe", "augment.flips: 'maybe' is not true or false"),
        ("augment", "flips", "yes", "augment.flips: 'yes' is not true or false; write true, without quotes"),
        ("augment", "flips", 1, "augment.flips: 1 is not true or false"),
        ("tune", "epochs", "5", "tune.epochs: '5' is not a whole number; write 5, without quotes"),
        ("tune", "epochs", True, "tune.epochs: true is not a whole number"),
        (
            "tune",
            "learning_rate",
            "1e-3",
            "tune.learning_rate: '1e-3' is not a number; write 1e-3, without quotes",
        ),
        (
            "tune",
            "learning_rate",
            "0,001",
            "tune.learning_rate: '0,001' is not a number; a decimal point is written as in 0.001",
        ),
        ("tune", "epochs", None, "tune.epochs: null is not a whole number"),
        (
            "data",
            "labels",
            {"classes": ["cat", "dog"]},
            "data.labels.classes: ['cat', 'dog'] is a list; write keys with values: {cat: …, dog: …}",
        ),
        (
            "gate",
            "rules",
            [{"metric": "ece", "at_most": 0.1}, {"metric": "ece", "at_most": 0.1, "slice": "mono"}],
            "gate.rules, entry 2, slice: 'mono' is not allowed; allowed: `column=value`, with one =",
        ),
        ("data", "labels", {"label": 5}, "data.labels.label: 5 is not allowed; allowed: a text or a list"),
        (
            "data",
            "labels",
            {"label": ["a", 5]},
            "data.labels.label, entry 2: 5 is no text; write it in quotes",
        ),
        (
            "data",
            "sha256",
            "abc",
            "data.sha256: 'abc' is not allowed; allowed: a SHA-256 digest, 64 characters of 0 to 9 and a to f, "
            "as sha256sum prints it",
        ),
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
        ("{modality: image, problem: multi_label, labels: [on, a]}", 'task.labels, entry 1: YAML reads on as true or '
         'false; write it in quotes: "on"'),
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
        "gate.rules, entry 1, metric: 'accuracy' is not allowed",
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
        "gate.rules, entry 1, metric: 'accuracy' is not allowed",
    ):
        assert words in said


def test_a_problem_that_is_near_to_none_is_told_by_itself() -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["task"] = {"modality": "image", "problem": "guessing", "certainty": 2}
    with pytest.raises(
        ParamsError, match=r"has 1 mistake:.*\n?.*'guessing' is not allowed. Allowed: classification"
    ):
        check(values)


@pytest.mark.parametrize(
    ("section", "written", "words"),
    [
        ("backbone", "resnet50", "backbone: 'resnet50' is no section with keys; write {name: resnet50}"),
        ("head", "logistic", "head: 'logistic' is no section with keys; write {method: logistic}"),
        ("tune", "lora", "tune: 'lora' is no section with keys; write {method: lora}"),
        ("augment", "flips", "augment: 'flips' is no section with keys; write {} for its defaults"),
        (
            "backbone",
            {"name": "resnet50"},
            "{name: timm/resnet, uri: file:FOLDER, sha256: DIGEST, licence: LICENCE} (docs/methods.md)",
        ),
        (
            "backbone",
            {"name": "my_net"},
            "{name: LIBRARY/FAMILY, uri: file:FOLDER, sha256: DIGEST, licence: ",
        ),
    ],
)
def test_a_name_where_a_section_stands_and_a_network_of_one_s_own(
    section: str, written: object, words: str
) -> None:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values[section] = written
    with pytest.raises(ParamsError) as caught:
        check(values)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (("gate", "rules", 0, "metric"), "gate.rules, entry 1, metric"),
        (("head", "l2", 10), "head.l2, entry 11"),
        (("a", 1, 0, "b", "c"), "a, entry 2, entry 1, b.c"),
        ((), ""),
    ],
)
def test_people_count_from_one(at: tuple[str | int, ...], said: str) -> None:
    assert placed(at) == said
