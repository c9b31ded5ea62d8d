"""What trains: every method of the table on the demo's validation data, three seeds, all other parameters alike.

Nothing was tuned for any of them, and the test side is not read. A cell that was measured is not measured again.
"""

import json
import statistics
import tempfile
from pathlib import Path

import yaml

from benchmarks.workspace import RESULTS, ROOT, publish, stages, workspace
from components.methods import NAMES

SEEDS = (1, 2, 3)


def main() -> None:
    cells = _known()
    with tempfile.TemporaryDirectory(prefix="graftline-methods-") as folder:
        for seed in SEEDS:
            for method in NAMES:
                if any(cell["method"] == method and cell["seed"] == seed for cell in cells):
                    continue
                space = workspace(Path(folder) / "line", {"tune.method": method, "seed": seed})
                cells.append(_cell(space, method, seed))
                publish("methods", _summary(cells))


def _known() -> list[dict[str, object]]:
    """Cells of an earlier run with the same parameters."""
    path = RESULTS / "methods.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return list(found["cells"]) if found.get("tune") == _tune() else []


def _tune() -> dict[str, object]:
    tune = dict(yaml.safe_load((ROOT / "params.yaml").read_text())["tune"])
    tune.pop("method")
    return tune


def _cell(space: Path, method: str, seed: int) -> dict[str, object]:
    if not (space / "head").exists():
        stages(space, ("version_data", "fetch_checkpoint", "extract_features", "train_head"))
    seconds = stages(space, ("fine_tune", "select"))["fine_tune"]
    tuned = json.loads((space / "tuned" / "tuned.json").read_text())
    selected = json.loads((space / "selected" / "selected.json").read_text())
    return {
        "method": method,
        "seed": seed,
        selected["metric"]: round(selected["validation"]["tuned"], 4),
        "head alone": round(selected["validation"]["head"], 4),
        "loss": round(tuned["validation"]["loss"], 4),
        "accuracy": round(tuned["validation"]["accuracy"], 4),
        "epochs": tuned["epochs_run"],
        "seconds": seconds,
    }


def _summary(cells: list[dict[str, object]]) -> dict[str, object]:
    means = {}
    for method in NAMES:
        mine = [cell for cell in cells if cell["method"] == method]
        if mine:
            means[method] = {
                key: round(statistics.mean(float(str(cell[key])) for cell in mine), 4)
                for key in mine[0]
                if key not in ("method", "seed")
            }
    return {"tune": _tune(), "means": means, "cells": cells}


if __name__ == "__main__":
    main()
