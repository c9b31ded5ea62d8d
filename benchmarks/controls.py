"""The negative-transfer control with its full budget: the same network from random weights, as long as we took.

The demo's control sees images of half the side for a few epochs. Here it sees as much as the release, for as many
epochs as fit into the seconds that `extract_features`, `train_head` and `fine_tune` took together with an empty cache,
on the same machine, and three seeds. The release must be better than each by a paired 95 % interval.
"""

import json
import tempfile
from pathlib import Path

from benchmarks.workspace import LINE, publish, stages, workspace

SEEDS = (1, 2, 3)
SALT = "bench-1"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="graftline-controls-") as folder:
        home, changes = Path(folder) / "home", {"data.split.salt": SALT, "controls.scratch": {"epochs": 1}}
        line = workspace(Path(folder) / "line", changes)
        seconds = stages(line, LINE, home)
        budget = sum(seconds[name] for name in ("extract_features", "train_head", "fine_tune"))
        epochs = max(1, round(budget / seconds["train_controls"]))
        trials = []
        for seed in SEEDS:
            workspace(line, {**changes, "controls.scratch": {"epochs": epochs}, "seed": seed})
            stages(line, ("train_controls", "evaluate"), home)
            trials.append(_trial(line, seed))
            publish("controls", {"budget, seconds": budget, "trials": trials})


def _trial(space: Path, seed: int) -> dict[str, object]:
    metrics = json.loads((space / "evaluation" / "metrics.json").read_text())
    control = json.loads((space / "controls" / "controls.json").read_text())["scratch"]
    found = {}
    for name in ("accuracy", "balanced_accuracy", "auroc"):
        found[name] = {
            "release": metrics["release"][name]["estimate"],
            "scratch": metrics["controls"]["scratch"][name]["estimate"],
            "paired difference": metrics["paired"]["scratch"][name],
        }
    return {"seed": seed, "epochs of the control": control["epochs"], **found}


if __name__ == "__main__":
    main()
