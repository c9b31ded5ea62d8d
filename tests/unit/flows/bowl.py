"""A sweep whose trials cost nothing: the score is a bowl over the parameters. As a program it can be killed."""

import math
import os
import signal
import sys
from pathlib import Path

from components.errors import NonFiniteLoss
from components.params import Params, load_params
from components.params.space import load_space
from components.registry.runs import RunHandle
from components.reporting.trials import Measured
from flows.search import Plan, Search, sweep_run

PARAMS = """# ours
seed: 3
data: {source: "file:.", licence: CC0, layout: folders}
domains: {}
task: {modality: image, problem: classification}
augment: {}
backbone: {name: efficientnet_lite0}
pretrain: {method: none}
features: {}
head: {method: logistic, l2: [0.1]}
tune:
  method: last_blocks     # what learns
  then: none
  blocks: 5               # how many
  learning_rate: 1.0e-3   # how fast
objectives: {keep: none, align: none, confident: none, tasks: {balance: fixed}}
weighting: {method: none}
controls: {}
select: {metric: auroc}
export: {}
evaluate: {}
gate: {rules: [{metric: accuracy, at_least: 0.5}]}
"""
SPACE = """tune.blocks: {low: 2, high: 6}
tune.learning_rate: {low: 1.0e-5, high: 1.0e-1, log: true}
tune.method: [last_blocks, bias_only]
objectives.keep: [none, l2_sp, ewc]
"""
FOLDS = 2


class Bowl:
    """Best at 3 blocks and a rate of 0.01; `calls` counts what was trained.

    Attributes:
        mortal: the training in which the process dies.
    """

    samples = 30

    def __init__(self, mortal: int = 0) -> None:
        self.calls: list[tuple[str, int, float, int]] = []
        self.mortal = mortal

    def material(self) -> dict[str, str]:
        return {"data": "d", "checkpoint": "c"}

    def head(self, params: Params, number: int) -> Measured:
        return Measured(0.5 + 0.1 * params.head.l2[0], 0.25)

    def tuned(self, params: Params, number: int, name: str) -> Measured:
        tune = params.tune
        self.calls.append((tune.method, tune.blocks, tune.learning_rate, number))
        if len(self.calls) == self.mortal:
            os.kill(os.getpid(), signal.SIGKILL)
        if tune.learning_rate > 0.09:
            raise NonFiniteLoss("The loss is nan.")
        away = abs(math.log10(tune.learning_rate) + 2) / 4 + abs(tune.blocks - 3) / 8
        return Measured(0.95 - away / 2 - 0.01 * number, float(tune.blocks))


def begin(root: Path, scorer: Bowl, name: str = "demo", metric: str = "auroc") -> tuple[Search, RunHandle]:
    """A search in `root`, with files that are written where they are missing."""
    for file, text in (("params.yaml", PARAMS), ("sweep.yaml", SPACE)):
        if not (root / file).exists():
            (root / file).write_text(text)
    params = load_params(root / "params.yaml")
    plan = Plan(root, name, load_space(root / "sweep.yaml"), metric, FOLDS, metric != "ece")
    run = sweep_run(plan, params)
    return Search(plan, params, run, scorer), run


if __name__ == "__main__":
    begin(Path(sys.argv[1]), Bowl(int(sys.argv[3])))[0].run(int(sys.argv[2]))
