"""Freezing by name and of norms: over every method, on the tiny network."""

import pytest
import tiny
import torch

from components.errors import ParamsError
from components.methods import METHODS, load_method
from components.params.tuning import TuneParams
from components.training.loop import Loop
from components.training.plan import Data, Job, Recipe, Watch


def _trained(name: str, **changes: object) -> frozenset[str]:
    network = tiny.make_network()
    tune = {"method": name, "blocks": 1, "epochs": 4, "rank": 2, **changes}
    method = load_method(TuneParams.model_validate(tune))
    method.prepare(network, seed=0)
    return frozenset().union(*(phase.trained for phase in method.phases(network)))


@pytest.mark.parametrize("name", METHODS)
def test_what_a_pattern_matches_stays_still(name: str) -> None:
    kept = _trained(name, freeze=[r"units\.2\."])
    assert not any(".units.2." in found for found in kept)
    assert any(found.startswith("head.") for found in kept)


def test_frozen_norms_move_neither_weights_nor_statistics() -> None:
    network = tiny.make_network()
    method = load_method(TuneParams(blocks=1, epochs=3, norms="frozen"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    data = Data(tiny.make_samples(1), tiny.make_samples(2))
    job = Job(network, tiny.loss, method.phases(network))
    Loop(job, data, Recipe(batch=8, precision="fp32"), Watch()).fit()
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert "backbone.units.2.0.weight" in moved
    assert not {name for name in moved if "units.2.1" in name}


def test_a_pattern_that_matches_nothing_is_refused_with_names_that_exist() -> None:
    with pytest.raises(ParamsError, match=r"'layer9' matches no parameter above the cut") as caught:
        _trained("last_blocks", freeze=["layer9"])
    assert "backbone.units.2.0.weight" in str(caught.value)


def test_a_broken_pattern_is_refused_when_params_are_read() -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        TuneParams(freeze=("units.(",))
