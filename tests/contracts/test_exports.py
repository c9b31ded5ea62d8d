"""Every row of the tables of methods that end in a network: trained, and exported with parity.

One training takes a row of each table, as params compose them: so a few exports, which take a second each, show all.
"""

from dataclasses import astuple, dataclass
from itertools import cycle

import pytest
import torch
from exported import exported_alike, shows
from tiny import CLASSES, SAMPLES, SHOWN, WIDTH, Shown, loss, make_network, make_samples
from torch import nn

from components.methods import (
    ADAPTATIONS,
    BALANCES,
    METHODS,
    OBJECTIVES,
    load_adaptation,
    load_method,
    load_objectives,
    load_tasks,
)
from components.methods.multi_task import Column
from components.methods.objective import Shape
from components.params.objectives import ObjectivesParams, TasksParams
from components.params.tuning import TuneParams
from components.training.adapting import adapt
from components.training.loop import Loop
from components.training.network import Network
from components.training.plan import Data, Job, Recipe, Watch

SHAPE = Shape(WIDTH, CLASSES, seed=3)
RECIPE = Recipe(seed=3, batch=8, precision="fp32", schedule="constant")
COLUMN = Column("apart", ("a", "b", "c"), torch.arange(SAMPLES) // 2 % 3)
TUNE = {"blocks": 1, "epochs": 3, "learning_rate": 0.02, "rank": 2, "alpha": 4, "batch": 8}
# One block trains; of texts it is the only one, so that the embeddings train, too: the network takes token ids.
BLOCKS = {"picture": 2, "text": 1}


@dataclass(frozen=True)
class Line:
    """A row of each table."""

    method: str
    keep: str
    align: str
    confident: str
    balance: str
    then: str


KEEP, ALIGN = ("distillation", "ewc", "l2_sp"), ("cdan", "coral", "dann", "mmd")
CONFIDENT = ("entropy", "information_maximisation", "mcc", "pseudo_labels")


def lines(shown: Shown) -> list[Line]:
    """Each method once, with the rows of the other tables in turn; to layer norms nothing but TENT can follow."""
    then = ADAPTATIONS if shown == "picture" else ("tent",)
    rows = (METHODS, *(cycle(table) for table in (KEEP, ALIGN, CONFIDENT, BALANCES, then)))
    return [Line(*found) for found in zip(*rows, strict=False)]


def trained(line: Line, shown: Shown) -> Network:
    """A network that went through all that the line names, as `fine_tune` puts it together."""
    tune = TuneParams.model_validate({**TUNE, "method": line.method, "then": line.then})
    chosen = {"keep": line.keep, "align": line.align, "confident": line.confident}
    objectives = load_objectives(ObjectivesParams.model_validate(chosen), SHAPE)
    tasks = load_tasks(
        TasksParams.model_validate({"columns": ["apart"], "balance": line.balance}), SHAPE, [COLUMN]
    )
    method, then = load_method(tune), load_adaptation(tune)
    assert tasks is not None
    assert then is not None
    blocks = BLOCKS[shown]
    network = make_network(blocks, method.cut(blocks), [*objectives, tasks], shown=shown)
    method.prepare(network, seed=3)
    train, beside = make_samples(1, shown=shown), make_samples(4, shift=1.5, shown=shown)
    data = Data(train, make_samples(2, shown=shown), beside, train)
    Loop(Job(network, loss, method.phases(network)), data, RECIPE, Watch()).fit()
    shipped = whole(network)
    seen = shows(shown)
    with torch.inference_mode():
        before = shipped(seen)
        method.finish(network)
        torch.testing.assert_close(shipped(seen), before, atol=1e-5, rtol=1e-5)
    adapt(network, then, beside, RECIPE, torch.device("cpu"))
    return network


def whole(network: Network) -> nn.Module:
    """What is shipped of it: from samples to logits."""
    return nn.Sequential(network.backbone, network.head).eval()


def test_every_row_of_every_table_is_in_some_line() -> None:
    tables = {*METHODS, *OBJECTIVES, *BALANCES, *ADAPTATIONS}
    assert {name for line in lines("picture") for name in astuple(line)} == tables
    assert {name for line in lines("text") for name in astuple(line)} == tables - {"adabn"}


@pytest.mark.parametrize(
    ("shown", "line"),
    [pytest.param(s, line, id=f"{s}-{'-'.join(astuple(line))}") for s in SHOWN for line in lines(s)],
)
def test_what_it_made_exports_with_parity(shown: Shown, line: Line) -> None:
    network, bare = trained(line, shown), make_network(BLOCKS[shown], shown=shown)
    assert network.copied().state_dict().keys() == bare.state_dict().keys()
    parts = exported_alike(whole(network), shown)
    assert parts
    assert not any("objectives" in part or "parametrizations" in part for part in parts)
