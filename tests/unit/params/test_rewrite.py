"""Other values in somebody's params.yaml: everything else stays, to the byte."""

from pathlib import Path

import pytest
import yaml

from components.errors import ParamsError
from components.params.rewrite import rewritten
from components.params.space import changed

ROOT = Path(__file__).parents[3]
TEXT = """# ours
tune:
  method: last_blocks   # which
  blocks: 5             # how many
  freeze:
    - a
    - "b#"
  # a word about rates
  learning_rate: 1.0e-3
  empty:

objectives: {keep: none, align: none}  # losses
augment: {}
head: {l2: [1.0e-3, 1.0e-2], metric: auroc}
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"tune.method": "bias_only"}, "method: last_blocks   #", "method: bias_only   #"),
        ({"tune.blocks": 12}, "blocks: 5             #", "blocks: 12             #"),
        ({"tune.learning_rate": 0.0008235}, "learning_rate: 1.0e-3\n", "learning_rate: 0.0008235\n"),
        ({"tune.freeze": []}, '- a\n    - "b#"\n  # a', "[]\n  # a"),
        ({"tune.empty": 1}, "empty:\n", "empty: 1\n"),
        ({"tune.patience": 3}, "empty:\n", "empty:\n  patience: 3\n"),
        ({"objectives.keep": "l2_sp"}, "keep: none", "keep: l2_sp"),
        ({"objectives.keep_weight": None}, "align: none}", "align: none, keep_weight: null}"),
        ({"augment.flips": False}, "augment: {}", "augment: {flips: false}"),
        ({"head.l2": [0.25]}, "[1.0e-3, 1.0e-2]", "[0.25]"),
    ],
)
def test_one_value_changes_and_nothing_else(changes: dict[str, object], old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    made = rewritten(TEXT, changes)
    assert made == TEXT.replace(old, new)
    assert yaml.safe_load(made) == changed(yaml.safe_load(TEXT), changes)


@pytest.mark.parametrize("comment", ["", "  # how strong"])
def test_a_list_below_its_key_at_the_same_column(comment: str) -> None:
    """As PyYAML writes lists."""
    text = f"head:\n  method: linear\n  l2:{comment}\n  - 0.001\n  - 0.1\ntune:\n  blocks: 1\n"
    made = rewritten(text, {"head.l2": [100000.0]})
    assert made == text.replace("- 0.001\n  - 0.1", " [100000.0]")
    assert yaml.safe_load(made) == changed(yaml.safe_load(text), {"head.l2": [100000.0]})


def test_many_values_at_once_in_the_repository_s_own_file() -> None:
    text = (ROOT / "params.yaml").read_text()
    changes: dict[str, object] = {
        "tune.blocks": 3,
        "head.l2": [0.1],
        "objectives.keep": "l2_sp",
        "objectives.keep_weight": 0.5,
        "tune.layer_decay": 0.75,
    }
    made = rewritten(text, changes)
    assert yaml.safe_load(made) == changed(yaml.safe_load(text), changes)
    comments = [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]
    assert [line.split("#", 1)[1] for line in made.splitlines() if "#" in line] == comments


def test_a_missing_section_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"weighting\.method cannot be written"):
        rewritten(TEXT, {"weighting.method": "kmm"})
