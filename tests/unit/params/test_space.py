"""sweep.yaml: what a trial may change is known by name and by value, before any trial."""

from pathlib import Path

import pytest

from components.errors import ParamsError
from components.params.space import Choices, Range, changed, described, get, load_space, size

ROOT = Path(__file__).parents[3]


def space(folder: Path, text: str) -> dict[str, Choices | Range]:
    path = folder / "sweep.yaml"
    path.write_text(text)
    return dict(load_space(path))


def test_the_repository_s_own_space_is_fine_and_holds_its_params() -> None:
    from components.params.load import parse

    values = parse(ROOT / "params.yaml")
    for key, entry in load_space(ROOT / "sweep.yaml").items():
        now = get(values, key)
        held = entry.holds(now) if isinstance(entry, Choices) else entry.number(now) is not None
        assert held or now is None, key


def test_choices_and_ranges_are_read(tmp_path: Path) -> None:
    found = space(
        tmp_path,
        """
tune.method: [last_blocks, bias_only]
tune.blocks: {low: 2, high: 6}
tune.learning_rate: {low: 1e-4, high: 3e-3, log: true}
tune.freeze: [[], 'units.3']
objectives.keep_weight: [null, 0.1]
head.l2: {low: 0.01, high: 1}
""",
    )
    assert found["tune.method"] == Choices(("last_blocks", "bias_only"))
    assert found["tune.blocks"] == Range(2, 6, whole=True)
    assert found["tune.learning_rate"] == Range(1e-4, 3e-3, log=True)
    assert found["tune.freeze"] == Choices(([], ["units.3"]))
    assert found["objectives.keep_weight"] == Choices((None, 0.1))
    assert found["head.l2"] == Range(0.01, 1, listed=True)


def test_all_mistakes_are_listed_together(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        space(
            tmp_path,
            """
tune.blokcs: [1]
tune: [1]
tune.method: [last_block]
tune.epochs: {low: 9, high: 2, stp: 3}
tune.learning_rate: {low: 0, high: 1, log: true}
tune.batch: {low: 1}
tune.patience: 3
tune.norms: []
tune.weight_decay: {low: 0, high: fast}
tune.layer_decay: [0.5, 0.5]
""",
        )
    text = str(caught.value)
    assert "12 mistakes" in text
    assert "tune.blokcs: unknown key; did you mean 'tune.blocks'?" in text
    assert "tune: is a section; name one of its keys: tune.method" in text
    assert "'last_block' is not allowed" in text
    assert "did you mean 'last_blocks'?" in text
    assert "tune.epochs: unknown 'stp'; did you mean 'step'?" in text
    assert "tune.epochs: low (9) must be below high (2)" in text
    assert "tune.learning_rate: log needs a low above 0" in text
    assert "tune.batch: a range needs high" in text
    assert "tune.patience: 3 is neither a list of values nor a range" in text
    assert "tune.norms: an empty list" in text
    assert "tune.weight_decay: high is 'fast', not a number" in text
    assert "tune.layer_decay: 0.5 is given twice" in text


@pytest.mark.parametrize(
    "key",
    [
        "seed",
        "data.source",
        "data.split.salt",
        "evaluate.confidence",
        "gate.rules",
        "task.input_size",
        "select.metric",
    ],
)
def test_what_would_change_data_or_judgement_is_refused_by_name(tmp_path: Path, key: str) -> None:
    with pytest.raises(ParamsError, match=rf"{key}: a trial may not change it: .+ Allowed sections: tune"):
        space(tmp_path, f"{key}: [1, 2]")


@pytest.mark.parametrize("text", ["{}", "- a", "x: [1"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParamsError):
        space(tmp_path, text)


def test_a_drawn_number_is_short_and_found_again() -> None:
    rates = Range(1e-4, 3e-3, log=True)
    assert rates.value(0.00082345678) == 0.0008235
    assert rates.number(0.0008235) == 0.0008235
    assert rates.number(0.00082345678) is None  # it would not be trained as it stands there
    assert rates.number(1.0) is None
    assert Range(0.0, 0.99999).value(0.99996) == 0.99999  # 1.0, rounded, lies beyond
    listed = Range(0.01, 1, listed=True)
    assert listed.value(0.25) == [0.25]
    assert listed.number([0.25]) == 0.25
    assert listed.number([0.25, 0.5]) is None
    assert Range(2, 8, step=2, whole=True).number(5) is None


def test_size_counts_combinations() -> None:
    choices, whole = Choices(("a", "b")), Range(2, 8, step=3, whole=True)
    assert size({"x": choices, "y": whole}) == 2 * 3
    assert size({"x": choices, "y": Range(0.0, 1.0, step=0.25)}) == 2 * 5
    assert size({"x": choices, "y": Range(0.0, 1.0)}) is None
    assert described({"x": choices}) == {"x": ["a", "b"]}


def test_changed_copies() -> None:
    values: dict[str, object] = {"tune": {"blocks": 3, "freeze": ["a"]}, "seed": 1}
    made = changed(values, {"tune.blocks": 5, "objectives.keep": "l2_sp"})
    assert made == {"tune": {"blocks": 5, "freeze": ["a"]}, "seed": 1, "objectives": {"keep": "l2_sp"}}
    assert values == {"tune": {"blocks": 3, "freeze": ["a"]}, "seed": 1}
    assert get(made, "tune.blocks") == 5
    assert get(made, "tune.blocks.deep") is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('tune.epochs: ["5", 6]', "tune.epochs: '5' is not a whole number; write 5, without quotes"),
        (
            'augment.flips: ["yes", true]',
            "augment.flips: 'yes' is not true or false; write true, without quotes",
        ),
        ("augment.flips: [1, true]", "augment.flips: "),
    ],
)
def test_texts_are_no_numbers_and_no_truth_values_here_either(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ParamsError) as caught:
        space(tmp_path, f"{line}\n")
    assert words in str(caught.value)
