"""A wrong params.yaml is refused with all its mistakes, each with value, allowed, and nearest name."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from written import PARAMS

from components.errors import ParamsError
from components.params import load_params
from components.params.load import check
from components.params.task import TaskParams

ROOT = Path(__file__).parents[3]


@pytest.fixture
def values() -> dict[str, dict[str, object]]:
    return copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))


def test_the_repository_s_own_params_are_fine() -> None:
    params = load_params(ROOT / "params.yaml")
    assert params.tune.learning_rate > 0


def test_all_mistakes_are_listed_together(values: dict[str, dict[str, object]]) -> None:
    values["tune"]["epoch"] = 3
    values["head"]["metric"] = "acuracy"
    values["tune"]["learning_rate"] = "fast"
    values["data"]["split"]["train"] = 0.7  # type: ignore[index]
    with pytest.raises(ParamsError) as caught:
        check(values)
    text = str(caught.value)
    assert "4 mistakes" in text
    assert "tune.epoch: unknown key; did you mean 'epochs'?" in text
    assert "head.metric: 'acuracy' is not allowed; did you mean 'accuracy'?" in text
    assert "tune.learning_rate: 'fast'" in text
    assert "they must add up to 1" in text


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("task", "positive", "defect", "allowed: functional, defective"),
        ("tune", "head_epochs", 99, "leave none"),
        ("domains", "criterion", "information_maximisation", "labels are hidden, but no target is named"),
        ("gate", "forgetting", {"at_most": 0.1}, r"needs a source task.*or leave gate\.forgetting out"),
        ("gate", "fairness", {"columns": ["type"]}, "no bound is given; give at least one of worst_at_least"),
        ("gate", "fairness", {"columns": ["typ"], "gap_at_most": 0.1}, "did you mean 'type'.*: type"),
        ("gate", "fairness", {"columns": ["domain"], "gap_at_most": 0.1}, "'domain' is no column of groups"),
        (
            "gate",
            "fairness",
            {"columns": ["type"], "worst_at_most": 0.1},
            "better when higher: write worst_at_least",
        ),
        (
            "gate",
            "fairness",
            {"columns": ["type"], "metric": "ece", "worst_at_least": 0.1},
            "better when lower: write worst_at_most",
        ),
        (
            "gate",
            "fairness",
            {"columns": ["type"], "tpr_gap_at_most": 0.1, "class": "defectiv"},
            "gate.fairness.class: 'defectiv' .*mean 'defective'",
        ),
        (
            "gate",
            "fairness",
            {"columns": ["type"], "gap_at_most": 0.1, "class": "defective"},
            "class or label goes with",
        ),
        ("task", "input_size", 2000, r"task\.input_size: 2000 is too large; allowed: 1024 or less"),
        ("data", "sha256", None, "needs `sha256`"),
        ("data", "sha256", "abc", "sha256"),
    ],
)
def test_impossible_combinations_are_refused(
    values: dict[str, dict[str, object]], section: str, key: str, value: object, words: str
) -> None:
    values[section][key] = value
    with pytest.raises(ParamsError, match=words):
        check(values)


def test_each_impossible_combination_is_a_mistake_of_its_own(values: dict[str, dict[str, object]]) -> None:
    """Beside a section that is wrong by itself, too."""
    values["tune"] |= {"blocks": 99, "then": "tent"}
    values["objectives"] |= {"align": "mmd"}
    values["head"]["metric"] = "acuracy"
    with pytest.raises(ParamsError) as caught:
        check(values)
    _, *lines, last = str(caught.value).splitlines()
    assert [line.split()[1] for line in lines] == [
        "head.metric:",
        "tune.blocks",
        "tune.then",
        "objectives.align",
    ]
    assert last == "Nothing was run."
    assert "has 4 mistakes" in str(caught.value)


def test_what_follows_from_another_mistake_is_not_told_and_an_empty_section_is_explained(
    values: dict[str, dict[str, object]],
) -> None:
    values["gate"]["rules"] = [{"metric": "acuracy", "at_least": 0.9}]
    values["pretrain"] = None  # type: ignore[assignment]
    with pytest.raises(ParamsError) as caught:
        check(values)
    said = str(caught.value)
    assert "has 2 mistakes" in said
    assert "gate.rules, entry 1, metric: 'acuracy' is not allowed; did you mean 'accuracy'?" in said
    assert "pretrain: empty; write its keys below it, or {} for its defaults" in said


def test_texts_have_no_more_tokens_than_the_network_takes(values: dict[str, dict[str, object]]) -> None:
    values["backbone"] = {"name": "minilm_l6"}
    values["task"] = {"name": "text_classification", "positive": "defective", "input_size": 600}
    with pytest.raises(ParamsError, match=r"task\.input_size is 600; allowed: 16 to 512"):
        check(values)


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        ({"name": "mobilenet_v2", "uri": "file:x"}, r"needs backbone\.sha256, backbone\.licence beside it"),
        (
            {"name": "transformers/vit"},
            r"write backbone\.uri, backbone\.sha256, backbone\.licence, too",
        ),
        (
            {"name": "transformers/vit", "uri": "hf://a/b@c", "sha256": "0" * 64},
            r"write backbone\.licence, too",
        ),
        ({"name": "transformers/resnets"}, r"did you mean 'transformers/resnet'\?"),
        (
            {"name": "transformers/bert", "uri": "hf://a/b@c", "sha256": "0" * 64, "licence": "MIT"},
            "takes texts",
        ),
    ],
)
def test_a_backbone_without_an_address_that_can_be_trusted_is_refused(
    values: dict[str, dict[str, object]], backbone: dict[str, object], words: str
) -> None:
    values["backbone"] = backbone
    with pytest.raises(ParamsError, match=words):
        check(values)


@pytest.mark.parametrize(
    ("section", "held"), [("controls", {"scratch": {"seconds": 90}}), ("evaluate", {"resamples": 2000})]
)
def test_a_key_that_was_replaced_is_refused_with_what_replaced_it(
    values: dict[str, dict[str, object]], section: str, held: dict[str, object]
) -> None:
    values[section] = held
    with pytest.raises(ParamsError, match=r"no longer a key: ") as caught:
        check(values)
    written = re.search(rf"`({section}: .*)`", str(caught.value))
    assert written is not None
    check({**values, **yaml.safe_load(written[1])})


def test_a_gate_on_an_undeclared_slice_is_refused(values: dict[str, dict[str, object]]) -> None:
    values["gate"]["rules"] = [{"metric": "accuracy", "at_least": 0.5, "slice": "colour=red"}]
    with pytest.raises(ParamsError, match=r"colour=red.*not in data\.labels\.slices \(type\)"):
        check(values)


def test_a_recall_is_of_one_class_that_the_data_have(values: dict[str, dict[str, object]]) -> None:
    for rule, words in (
        ({"metric": "recall"}, "gate.rules, entry 1: recall is of one class: name it, `class: NAME`"),
        ({"metric": "f1", "class": "defective"}, "f1 is of all; class goes with recall: leave it out"),
        (
            {"metric": "recall", "class": "defectiv"},
            "gate.rules: class 'defectiv' is not declared; did you mean 'defective'? Allowed: "
            "functional, defective",
        ),
        (
            {"metric": "recall", "of": "defective"},
            "gate.rules, entry 1, of: unknown key. Allowed: at_least, at_most, by, class",
        ),
    ):
        values["gate"]["rules"] = [{**rule, "at_least": 0.8}]
        with pytest.raises(ParamsError) as caught:
            check(values)
        assert words in str(caught.value)
    values["gate"]["rules"] = [
        {"metric": "recall", "class": "defective", "at_least": 0.8, "slice": "type=mono"}
    ]
    assert check(values).gate.rules[0].name == "recall of defective"


def test_a_class_that_yaml_reads_as_another_thing_is_asked_for_in_quotes(
    tmp_path: Path, values: dict[str, dict[str, object]]
) -> None:
    values["gate"]["rules"] = [{"metric": "recall", "class": "defective", "at_least": 0.8}]
    text = yaml.safe_dump(values).replace("class: defective", "class: no")
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r'gate\.rules, entry 1, class: YAML reads no as .*"no"'):
        load_params(tmp_path / "params.yaml")


def test_scientific_notation_is_a_number_and_a_missing_file_has_a_nearest_name(
    tmp_path: Path, values: dict[str, dict[str, object]]
) -> None:
    (tmp_path / "pictures").mkdir()
    values["data"] |= {"source": "file:picture", "sha256": None}
    values["tune"]["learning_rate"] = 0.001
    text = yaml.safe_dump(values).replace("learning_rate: 0.001", "learning_rate: 1e-3")
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(
        ParamsError, match=r"has 1 mistake:[^;]*picture does not exist; did you mean 'pictures'\?"
    ):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "picture").mkdir()
    assert load_params(tmp_path / "params.yaml").tune.learning_rate == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("seed: 1\nseed: 2\n", "given twice"),
        ("- 1\n", "holds a list"),
        ("a: !!python/object:os.system x\n", "not YAML"),
        ("a: [", "not YAML"),
        ("#" * 300_000, "more than"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n<<: *c\n", "aliases"),
        ("a: " + "[" * 50_000, "not YAML"),
        ("? {b: 1}\n: 2\n", "not YAML"),
        ("seed: 2026-99-99\n", "not YAML"),
        ("seed: " + "9" * 5000, "not YAML"),
        ("a: !!python/object/apply:os.system [id]\n", "not YAML"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_at_once(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=words):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "address",
    [
        "https://user:canary@example.org/data.zip",
        "https://canary@example.org/data.zip",
        "s3://canary:canary@bucket/pictures",
        "https://example.org/data.zip?X-Amz-Signature=canary&X-Amz-Date=1",
        "https://example.org/data.zip?v=1&access_token=canary",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(
    values: dict[str, dict[str, object]], address: str
) -> None:
    values["data"]["source"] = address
    values["backbone"]["uri"] = address
    with pytest.raises(ParamsError) as caught:
        check(values)
    assert "2 mistakes" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("address", ["file:../c@lls", "hf://owner/name@main/x", "https://h.org/a.zip?v=3"])
def test_an_at_sign_alone_is_no_secret(values: dict[str, dict[str, object]], address: str) -> None:
    values["data"]["source"] = address
    check(values)


def test_the_command_says_so_and_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: many\n")
    script = (
        "import sys; from components.__main__ import main; code = main(['check']);"
        "assert not {'torch', 'mlflow', 'prefect', 'onnxruntime'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "seed: 'many'" in done.stderr
    assert "Traceback" not in done.stderr


def test_combinations_and_missing_files_stand_beside_the_other_mistakes(
    tmp_path: Path, values: dict[str, dict[str, object]]
) -> None:
    values["tune"]["epoch"] = 3
    values["data"] |= {"source": "file:nowhere", "sha256": None}
    values["task"]["positive"] = "defect"
    values["select"]["threshold"] = "high"
    with pytest.raises(ParamsError) as caught:
        check(values, root=tmp_path)
    text = str(caught.value)
    assert "4 mistakes" in text
    assert "task.positive is 'defect'; allowed: functional, defective" in text
    assert f"data.source: {tmp_path / 'nowhere'} does not exist" in text


def test_permutations_that_could_never_raise_an_alarm_are_refused_before_any_work(
    values: dict[str, dict[str, object]],
) -> None:
    """A window of images has up to 8 tests: at a rate of 0.04 one alone must reach p = 0.005 = 1/200."""
    values["monitoring"] = {"rate": 0.04, "permutations": 198}
    with pytest.raises(ParamsError, match=r"permutations is 198: .* up to 8 tests, .*; allowed: 199 or more"):
        check(values)
    values["monitoring"] = {"rate": 0.04, "permutations": 199}
    assert check(values).monitoring.permutations == 199


def test_a_slice_rule_needs_labels_that_declare_slices(values: dict[str, dict[str, object]]) -> None:
    values["data"] = {"source": "file:.", "licence": "CC0", "layout": "folders"}
    with pytest.raises(
        ParamsError, match=r"slice 'type=mono' is not in data\.labels\.slices \(none declared"
    ):
        check(values)


def test_an_auxiliary_task_needs_a_declared_column(values: dict[str, dict[str, object]]) -> None:
    values["objectives"]["tasks"] = {"columns": ["typ", "type"], "balance": "pcgrad"}
    with pytest.raises(
        ParamsError, match=r"'typ' is not in data\.labels\.slices \(type\); did you mean 'type'"
    ) as caught:
        check(values)
    assert "1 mistake:" in str(caught.value)
    values["objectives"]["tasks"] = {"columns": ["type"], "balance": "pcgrad"}
    assert check(values).objectives.tasks.columns == ("type",)


@pytest.mark.parametrize("held", [{"columns": ["type"]}, {}, None])
def test_a_nested_key_must_stand_in_the_file_too(
    tmp_path: Path, values: dict[str, dict[str, object]], held: dict[str, object] | None
) -> None:
    del values["objectives"]["tasks"]
    if held is not None:
        values["objectives"]["tasks"] = held
    with pytest.raises(
        ParamsError, match=r"has 1 mistake:\n  - objectives\.tasks\.balance: missing; it must"
    ):
        check(values, root=ROOT)


def test_what_dvc_compares_must_stand_in_the_file(
    tmp_path: Path, values: dict[str, dict[str, object]]
) -> None:
    del values["select"], values["tune"]["method"], values["head"]["method"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(
        ParamsError, match=r"has 3 mistakes:\n  - select: missing; write `select: \{\}`"
    ) as refused:
        load_params(tmp_path / "params.yaml")
    for key in ("head.method", "tune.method"):
        assert f"{key}: missing; it must be written out" in refused.value.message
    values |= {
        "select": {},
        "tune": {"method": "last_blocks", "then": "none"},
        "head": {"method": "logistic"},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    assert load_params(tmp_path / "params.yaml").select.metric == "balanced_accuracy"


def test_an_allowance_for_a_slice_that_nobody_declared_is_refused(
    values: dict[str, dict[str, object]],
) -> None:
    values["promotion"]["slices"] = {"of": {"type=mono": 0.02, "typ=mono": 0.1}}
    with pytest.raises(ParamsError, match=r"promotion\.slices\.of: 'typ=mono' .*\(type\)"):
        check(values)


@pytest.mark.parametrize("written", ["off", "'off'", "{enabled: false}"])
def test_near_duplicates_may_be_off(tmp_path: Path, written: str) -> None:
    """YAML 1.1 reads the bare word as false."""
    text = (ROOT / "params.yaml").read_text()
    line = "near_duplicates: {hash_distance: 6, correlation: 0.98}"
    assert line in text
    (tmp_path / "params.yaml").write_text(text.replace(line, f"near_duplicates: {written}"))
    assert not load_params(tmp_path / "params.yaml").data.near_duplicates.enabled


def test_bits_are_of_images(values: dict[str, dict[str, object]]) -> None:
    values["task"]["bits"] = 12
    assert check(values).task.bits == 12
    values["task"]["bits"] = 7
    with pytest.raises(ParamsError, match=r"task\.bits: 7 is too small; allowed: 8 or more"):
        check(values)
    values["task"] |= {"bits": 12, "modality": "text"}
    with pytest.raises(ParamsError, match=r"task\.bits: unknown key.*Allowed: .*modality, "):
        check(values)


@pytest.mark.parametrize(
    ("problem", "lacking"),
    [
        ("regression", {"tpr": "true-positive rates", "calibration": "calibration errors"}),
        ("multi_label", {}),
    ],
)
def test_gaps_that_a_problem_does_not_have_are_refused_by_name(
    values: dict[str, dict[str, object]], problem: str, lacking: dict[str, str]
) -> None:
    values["task"] = {"modality": "image", "problem": problem}
    values["gate"]["fairness"] = {
        "columns": ["type"],
        "gap_at_most": 0.1,
        "tpr_gap_at_most": 0.1,
        "calibration_gap_at_most": 0.1,
    }
    with pytest.raises(ParamsError) as caught:
        check(values)
    text = str(caught.value)
    for key, what in lacking.items():
        assert (
            f"gate.fairness.{key}_gap_at_most compares {what}, which task.problem '{problem}' does not have"
            in text
        )
    assert "gate.fairness.gap_at_most" not in text
    assert text.count("leave it out") >= len(lacking)


def test_the_metric_of_groups_is_the_problems_own_where_none_is_named(
    values: dict[str, dict[str, object]],
) -> None:
    values["gate"]["fairness"] = {"columns": ["type"], "worst_at_least": 0.7}
    found = check(values).gate.fairness
    assert found is not None
    assert found.metric == "balanced_accuracy"


def test_a_task_s_name_and_its_keys_must_say_the_same() -> None:
    with pytest.raises(ValidationError, match="says modality 'text', but modality is 'image'"):
        TaskParams.model_validate({"name": "text_classification", "modality": "image"})
    assert TaskParams.model_validate({"name": "text_classification"}).modality == "text"


FIELD_NAMES = {
    "image_classification": ("image", "classification"),
    "text_classification": ("text", "classification"),
    "image_regression": ("image", "regression"),
    "text-regression": ("text", "regression"),
    "image_multi_label": ("image", "multi_label"),
    "image_multi_label_classification": ("image", "multi_label"),
    "text_multi_label": ("text", "multi_label"),
    "text-multi-label-classification": ("text", "multi_label"),
}


@pytest.mark.parametrize(("name", "keys"), FIELD_NAMES.items())
@pytest.mark.parametrize("alone", [False, True])
def test_check_says_which_two_keys_stand_for_the_field_s_name(
    name: str, keys: tuple[str, str], alone: bool, tmp_path: Path
) -> None:
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({**PARAMS, "task": name if alone else {"name": name, "input_size": 64}})
    )
    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")
    modality, problem = keys
    said = f"task: {name!r} stands for two keys; write `task: {{modality: {modality}, problem: {problem}}}`"
    assert said in str(caught.value)
    assert "task.modality: missing" not in str(caught.value)
    task = TaskParams.model_validate({"name": name})
    assert (task.modality, task.problem) == keys


def test_a_name_that_is_no_task_is_said_once_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**PARAMS, "task": {"name": "image_clasification"}}))
    with pytest.raises(
        ParamsError, match=r"has 1 mistake:\n.*did you mean 'image_classification'\?; allowed: image"
    ):
        load_params(tmp_path / "params.yaml")


def test_a_name_beside_both_keys_is_no_mistake(tmp_path: Path) -> None:
    task = {"name": "image_classification", "modality": "image", "problem": "classification"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**PARAMS, "task": task}))
    assert load_params(tmp_path / "params.yaml").task.problem == "classification"
