"""What `make benchmark-methods` compares: every method, in parameters that the line accepts."""

from collections.abc import Iterator, Mapping

import pytest
import yaml

from benchmarks.methods import CONFIG, cells
from components.backbones.table import BACKBONES
from components.heads import HEADS
from components.methods import NAMES
from components.params.load import check

PAIRS = yaml.safe_load(CONFIG.read_text())["pairs"]


def words(value: object) -> Iterator[str]:
    """Every string among the values."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from words(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", PAIRS)
def test_its_cells_are_valid_and_compare_with_one_of_them(name: str) -> None:
    pair = PAIRS[name]
    assert {pair["control"], pair["goal"]} <= set(pair["cells"])
    for cell in cells(name, pair, seed=1):
        check(dict(cell.params))


def test_every_method_and_head_has_a_cell() -> None:
    held = {
        word for name, pair in PAIRS.items() for cell in cells(name, pair, 1) for word in words(cell.params)
    }
    assert {*NAMES, *HEADS} <= held
    assert held & set(BACKBONES) >= {"efficientnet_lite0", "minilm_l6"}
