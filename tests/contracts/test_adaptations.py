"""Every answer to 'what follows training?' is in the table, names its paper, and moves only what it names."""

import re
import sys

import pytest
import torch
from tiny import SHOWN, Shown, make_network, make_samples

from components.errors import ParamsError
from components.methods import ADAPTATIONS, load_adaptation
from components.methods.adaptation import Adaptation
from components.params import plugins
from components.params.tuning import TuneParams
from components.training.adapting import adapt
from components.training.plan import Recipe

# A text's network has no batch norms, without which one of them has nothing to do.
MEETS = [
    (name, shown)
    for name in ADAPTATIONS
    for shown in SHOWN
    if shown == "picture" or "batch_norms" not in plugins.needs("adaptations", name)
]


def load(name: str) -> Adaptation:
    made = load_adaptation(TuneParams.model_validate({"then": name}))
    assert made is not None
    return made


def test_the_table_holds_what_params_allow() -> None:
    assert tuple(ADAPTATIONS) == plugins.names("adaptations")
    assert len(ADAPTATIONS) == 2
    assert load_adaptation(TuneParams()) is None


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_its_file_names_its_source(name: str) -> None:
    doc = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert re.search(r"\b20\d\d\b", doc), "which paper?"
    assert "\n\n    " in doc, "which formula?"


@pytest.mark.parametrize(("name", "shown"), MEETS)
def test_only_what_it_names_moves_and_that_lies_above_the_cut(name: str, shown: Shown) -> None:
    network, method = make_network(shown=shown), load(name)
    names = method.moves(network)
    assert names <= set(network.above_state())
    assert not names & set(network.head_names())
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    target = make_samples(4, shift=1.5, shown=shown)
    adapt(network, method, target, Recipe(batch=8), torch.device("cpu"))
    changed = {key for key, tensor in network.state_dict().items() if not torch.equal(before[key], tensor)}
    assert set() < changed <= names
    assert not network.training


def test_what_has_no_batch_norms_is_refused_with_what_to_take_instead() -> None:
    with pytest.raises(
        ParamsError, match=r"no batch norms above the cut.*for layer norms, take tune.then: tent"
    ):
        load("adabn").moves(make_network(shown="text"))
    assert "batch_norms" in plugins.needs("adaptations", "adabn"), "params say so before any work"
