import pytest

from components.errors import ParamsError
from components.methods import load_method
from components.params.tuning import TuneParams


class Names:
    """Two blocks above the cut."""

    def above_names(self):
        return ("units.1", "units.2")

    def head_names(self):
        return ("head.weight", "head.bias")

    def named_parameters(self):
        raise AssertionError("names suffice")


def test_the_head_goes_first_and_the_blocks_follow_more_slowly():
    method = load_method(TuneParams(blocks=2, epochs=8, head_epochs=1, learning_rate=0.01))
    head, blocks = method.phases(Names())
    assert (head.name, head.epochs, head.trained) == ("head", 1, {"head.weight", "head.bias"})
    assert not head.adapt_statistics
    assert (blocks.name, blocks.epochs) == ("blocks", 7)
    assert blocks.trained == {"head.weight", "head.bias", "units.1", "units.2"}
    rates = {name: group.rate for group in blocks.groups for name in group.names}
    assert rates["units.1"] < rates["head.weight"] == 0.01


def test_without_head_epochs_there_is_one_phase():
    (only,) = load_method(TuneParams(head_epochs=0)).phases(Names())
    assert only.epochs == 8


def test_the_cut_leaves_the_last_blocks_above():
    assert load_method(TuneParams(blocks=5)).cut(16) == 11
    assert load_method(TuneParams(blocks=16)).cut(16) == 0
    with pytest.raises(ParamsError, match=r"tune.blocks is 17; allowed: 1 to 16"):
        load_method(TuneParams(blocks=17)).cut(16)
