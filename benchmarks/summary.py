"""What cells of several seeds say together: means, and differences from a control, paired by seed."""

import statistics
from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

RESAMPLES, CONFIDENCE = 2000, 0.95


class Measured(TypedDict):
    """Samples of one domain; `targets` and `decisions` have a digit for each, its class."""

    balanced_accuracy: float
    accuracy: float
    targets: str
    decisions: str


class Run(TypedDict):
    """What a cell gave; `source` is none where there are no domains, `trained` of the control from scratch."""

    seconds: float
    mib: float
    trained: int | None
    target: Measured
    source: Measured | None


Runs = Mapping[int, Run]  # by seed
Place = Literal["target", "source"]


def rows(held: Mapping[str, Runs], control: str, goal: str) -> dict[str, dict[str, object]]:
    """A row for each cell; what is compared is compared over the seeds that both, or all three, have."""
    made = {}
    for name, runs in held.items():
        row = _row(runs)
        if control in held and name != control:
            row |= _compared(runs, held[control])
            if goal in held and goal != control:
                row["share_of_gap"] = _share(runs, held[control], held[goal])
        made[name] = row
    return made


def _row(runs: Runs) -> dict[str, object]:
    held = list(runs.values())
    scores = [run["target"]["balanced_accuracy"] for run in held]
    row: dict[str, object] = {
        "seeds": len(held),
        "balanced_accuracy": round(statistics.mean(scores), 4),
        "sd": round(statistics.stdev(scores), 4) if len(scores) > 1 else None,
        "accuracy": round(statistics.mean(run["target"]["accuracy"] for run in held), 4),
        "n": _sizes(run["target"] for run in held),
        "seconds": min(run["seconds"] for run in held),  # what else the machine did only adds
        "mib": round(max(run["mib"] for run in held)),
        "trained": held[0]["trained"],
    }
    there = [run["source"]["balanced_accuracy"] for run in held if run["source"]]
    if there:
        row["source_balanced_accuracy"] = round(statistics.mean(there), 4)
        row["source_n"] = _sizes(run["source"] for run in held if run["source"])
    return row


def _sizes(measured: Iterable[Measured]) -> list[int]:
    """Samples with the least and with the most: seeds may have sides of their own."""
    sizes = [len(one["targets"]) for one in measured]
    return [min(sizes), max(sizes)]


def _compared(runs: Runs, control: Runs) -> dict[str, object]:
    """Nothing, where no seed has both."""
    seeds = sorted(runs.keys() & control.keys())
    if not seeds:
        return {}
    found: dict[str, object] = {
        "against": paired(runs, control, "target"),
        "gains": [_gain(runs[seed], control[seed]) for seed in seeds],
    }
    if all(runs[seed]["source"] and control[seed]["source"] for seed in seeds):
        found["source_against"] = paired(runs, control, "source")
    return found


def _gain(run: Run, control: Run) -> float:
    return round(run["target"]["balanced_accuracy"] - control["target"]["balanced_accuracy"], 4)


def _share(runs: Runs, control: Runs, goal: Runs) -> float | None:
    """Of the gap between control and goal, over the seeds that all three have; none where there is no gap."""
    seeds = runs.keys() & control.keys() & goal.keys()
    if not seeds:
        return None
    mine, plain, best = (
        statistics.mean(one[seed]["target"]["balanced_accuracy"] for seed in seeds)
        for one in (runs, control, goal)
    )
    return round((mine - plain) / (best - plain), 3) if best > plain else None


def paired(one: Runs, other: Runs, place: Place) -> list[float]:
    """Mean difference in balanced accuracy and its interval: seeds and their samples drawn anew, pairs kept.

    Seeds with the same samples meet the same draws of them; with samples of their own, each has its own.
    """
    seeds = sorted(one.keys() & other.keys())
    targets = [_hits(one[seed], place)[0] for seed in seeds]
    gains = [_hits(one[seed], place)[1] - _hits(other[seed], place)[1] for seed in seeds]
    shared = all(np.array_equal(targets[0], found) for found in targets)
    classes = [
        [gain[found == c] for c in np.unique(found)] for found, gain in zip(targets, gains, strict=True)
    ]
    drawn = np.array([_drawn(rows, 0 if shared else number) for number, rows in enumerate(classes)])
    chosen = np.random.default_rng(len(seeds)).integers(len(seeds), size=drawn.shape)
    differences = np.take_along_axis(drawn, chosen, axis=0).mean(axis=0)
    tail = (1 - CONFIDENCE) / 2
    mean = np.mean([[rows.mean() for rows in of_seed] for of_seed in classes])
    return [round(float(v), 4) for v in (mean, *np.quantile(differences, [tail, 1 - tail]))]


def _drawn(classes: list[npt.NDArray[np.float64]], stream: int) -> npt.NDArray[np.float64]:
    """(RESAMPLES,) means over the classes, each of which keeps its number of samples."""
    draw = np.random.default_rng([0, stream])
    found = [rows[draw.integers(len(rows), size=(RESAMPLES, len(rows)))].mean(axis=1) for rows in classes]
    return np.mean(found, axis=0)


def _hits(run: Run, place: Place) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(N,) targets, and 1 where the decision is right."""
    found = run[place]
    assert found is not None
    targets, decisions = (np.array([int(digit) for digit in found[key]]) for key in ("targets", "decisions"))
    return targets, (decisions == targets).astype(np.float64)
