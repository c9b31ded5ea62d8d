"""Every answer to 'what follows training?' is in the table, names its paper, and leaves a network that exports."""

import re
import sys
from typing import get_args

import numpy as np
import pytest
import torch
from tiny import make_network, make_samples

from components.export.onnx_file import export_module
from components.methods import ADAPTATIONS, load_adaptation
from components.methods.adaptation import Adaptation
from components.params import names
from components.params.tuning import TuneParams
from components.runtime.sessions import open_session
from components.training.adapting import adapt
from components.training.plan import Recipe


def load(name: str) -> Adaptation:
    made = load_adaptation(TuneParams.model_validate({"then": name}))
    assert made is not None
    return made


def test_the_table_holds_what_params_allow() -> None:
    assert {*ADAPTATIONS, "none"} == set(get_args(names.Then))
    assert len(ADAPTATIONS) == 2
    assert load_adaptation(TuneParams()) is None


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_its_file_names_its_source(name: str) -> None:
    doc = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert re.search(r"\b20\d\d\b", doc), "which paper?"
    assert "\n\n    " in doc, "which formula?"


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_only_what_it_names_moves_and_that_lies_above_the_cut(name: str) -> None:
    network, method = make_network(), load(name)
    names = method.moves(network)
    assert names <= set(network.above_state())
    assert not names & set(network.head_names())
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    adapt(network, method, make_samples(4, shift=1.5), Recipe(batch=8), torch.device("cpu"))
    changed = {key for key, tensor in network.state_dict().items() if not torch.equal(before[key], tensor)}
    assert set() < changed <= names
    assert not network.training


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_what_it_leaves_exports_with_parity(name: str) -> None:
    network = make_network()
    adapt(network, load(name), make_samples(4, shift=1.5), Recipe(batch=8), torch.device("cpu"))
    rows = torch.from_numpy(make_samples(2).take(np.arange(5), 0).numpy()).float()
    model = export_module(network, (rows,), ["activations"], ["logits"], {"activations": {0: "batch"}})
    (found,) = open_session(model, ["cpu"], 1).run(None, {"activations": rows.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(found, network(rows).numpy(), atol=1e-5)
