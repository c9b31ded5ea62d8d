"""Methods against their plain alternatives, on pairs of real data: `make benchmark-methods`.

`benchmarks/methods.yaml` says what is compared. Cells are kept one by one in .graftline/benchmarks, so a run that was
stopped goes on; what changed in the parameters or in the code of a cell's stage runs again. Writes
results/methods.json and docs/benchmark-methods.md.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from benchmarks.cells import STAGES, measure, merged, train
from benchmarks.report import write_page
from benchmarks.workspace import ROOT, publish, stages, workspace
from components.stages.graph import closure
from components.stages.table import stage
from components.storage.publish import read_json, sha256_file, write_json

CONFIG = Path(__file__).with_suffix(".yaml")
PLACE = ROOT / ".graftline" / "benchmarks"
PREPARED = ("version_data", "fetch_checkpoint", "adapt_checkpoint", "extract_features")
RESAMPLES, CONFIDENCE = 2000, 0.95


@dataclass(frozen=True)
class Cell:
    """What one cell trains with one seed."""

    pair: str
    name: str
    seed: int
    what: str
    params: Mapping[str, object]

    @property
    def path(self) -> Path:
        return PLACE / _slug(self.pair) / f"{_slug(self.name)}-{self.seed}.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks methods", description=__doc__)
    parser.add_argument("--pairs", nargs="*", help="only these pairs")
    parser.add_argument(
        "--minutes", type=float, default=360, help="start no cell after so many (default 360)"
    )
    parser.add_argument("--seeds", type=int, nargs="*", help="only these seeds")
    options = parser.parse_args()
    config = yaml.safe_load(CONFIG.read_text())
    until = time.monotonic() + options.minutes * 60
    pairs = {n: p for n, p in config["pairs"].items() if not options.pairs or n in options.pairs}
    tasks = [(seed, name) for seed in options.seeds or config["seeds"] for name in pairs]
    if len(tasks) == 1:
        (seed, name), pair = tasks[0], pairs[tasks[0][1]]
        for cell in cells(name, pair, seed):
            if time.monotonic() < until:
                _try(cell, pair)
        return
    _share_out(tasks, until)
    summary = {name: _summary(name, pair, config["seeds"]) for name, pair in config["pairs"].items()}
    publish("methods", {"confidence": CONFIDENCE, "pairs": {n: s for n, s in summary.items() if s["cells"]}})
    write_page(summary)


def _share_out(tasks: Sequence[tuple[int, str]], until: float) -> None:
    """Each core works on a pair of its own: two trainings of one thread are faster than one of two."""
    waiting, busy = list(tasks), set[str]()
    guard = threading.Condition()

    def take() -> tuple[int, str] | None:
        return next((task for task in waiting if task[1] not in busy), None)

    def work(core: int) -> None:
        while True:
            with guard:
                while waiting and take() is None:
                    guard.wait()
                task = take()
                if task is None or time.monotonic() > until:
                    return
                waiting.remove(task)
                busy.add(task[1])
            _alone(task, core, until)
            with guard:
                busy.remove(task[1])
                guard.notify_all()

    cores = sorted(os.sched_getaffinity(0))
    with ThreadPoolExecutor(len(cores)) as pool:
        for done in [pool.submit(work, core) for core in cores]:
            done.result()


def _alone(task: tuple[int, str], core: int, until: float) -> None:
    """One pair with one seed, by a process that has this core."""
    seed, pair = task
    minutes = (until - time.monotonic()) / 60
    chosen = ["--pairs", pair, "--seeds", str(seed), "--minutes", f"{minutes:.2f}"]
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "benchmarks.methods", *chosen]
    subprocess.run(command, cwd=ROOT, check=False)


def cells(name: str, pair: Mapping[str, object], seed: int) -> Iterator[Cell]:
    """What is trained of a pair with one seed."""
    base = yaml.safe_load((ROOT / "examples" / str(pair["example"]) / "params.yaml").read_text())
    base = merged(base, {**pair["set"], "seed": seed})  # type: ignore[dict-item]
    for title, cell in pair["cells"].items():  # type: ignore[attr-defined]
        changes = dict(cell.get("set", {}))
        if pair.get("resplit"):
            changes["data.split.salt"] = f"{base['data']['split']['salt']}-{seed}"
        if cell.get("turned"):
            domains = base["domains"]
            changes["domains"] = {**domains, "source": domains["target"], "target": domains["source"]}
        yield Cell(name, title, seed, cell.get("measure", "tuned"), merged(base, changes))


def _try(cell: Cell, pair: Mapping[str, object]) -> None:
    """A cell that fails is told, and left out of the table; the others go on."""
    try:
        _run(cell, pair)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"FAILED {cell.pair} · {cell.name} · seed {cell.seed}: {error}\n")


def _run(cell: Cell, pair: Mapping[str, object]) -> None:
    """Train and measure, unless that was done with the same parameters and code."""
    key = _key(cell)
    if cell.path.exists() and read_json(cell.path).get("key") == key:
        return
    sys.stderr.write(f"{cell.pair} · {cell.name} · seed {cell.seed}\n")
    space = _prepared(cell, str(pair["example"]))
    if cell.what == "tuned":
        _source(cell, space)
    spent = train(space, cell.what)
    found = measure(space, cell.what, len(os.sched_getaffinity(0)))
    # A turned cell's own target is the pair's source: it is measured where it was trained.
    place = "source" if pair["cells"][cell.name].get("turned") else "target"  # type: ignore[index]
    other = {"target": "source", "source": "target"}[place]
    places = {"target": found.get(place), "source": found.get(other)}
    cell.path.parent.mkdir(parents=True, exist_ok=True)
    write_json(cell.path, {"key": key, **asdict(spent), "trained": found["trained"], **places})


def _prepared(cell: Cell, example: str) -> Path:
    """The pair's workspace with the cell's parameters, its data and features."""
    space = PLACE / _slug(cell.pair) / "line"
    data = _prepare_source(example)
    if not (space / "versions.json").exists():
        workspace(space, {})
    text = yaml.safe_dump(dict(cell.params), sort_keys=False).replace("file:../data", f"file:{data}")
    (space / "params.yaml").write_text(text)
    before = [cell.params[name] for name in ("data", "task", "augment", "backbone", "pretrain")]
    learns = isinstance(before[-1], dict) and before[-1].get("method") != "none"
    wanted = hashlib.sha256(
        json.dumps([before, cell.seed if learns else None], sort_keys=True).encode()
    ).hexdigest()
    stamp = space / "prepared"
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        stages(space, (*(("refresh",) if data else ()), *PREPARED))
        stamp.write_text(wanted)
    return space


def _prepare_source(example: str) -> Path | None:
    """Where the example's data lie, once they are fetched; none for the demo's own."""
    if not (ROOT / "examples" / example / "fetch.py").exists():
        return None
    from importlib import import_module

    place = PLACE / "data" / example
    import_module(f"examples.{example}.fetch").fetch(place, ROOT / ".graftline" / "downloads")
    return place


def _source(cell: Cell, space: Path) -> None:
    """The network trained on the source, where the cell starts from it; otherwise fine_tune does not look at it."""
    tune = cell.params["tune"]
    wanted = json.dumps([tune, cell.params["seed"], cell.params["domains"]], sort_keys=True)
    stamp = space / "source" / "trained-as"
    starts = isinstance(tune, dict) and tune.get("start") == "source"
    if (space / "source").exists() and (not starts or (stamp.exists() and stamp.read_text() == wanted)):
        return
    train(space, "source")
    stamp.write_text(wanted)


def _key(cell: Cell) -> str:
    """What a cell's result depends on: parameters and the code of its stage."""
    files = sorted(closure(stage(STAGES[cell.what])))
    code = [sha256_file(path) for path in map(_file, files) if path.exists()]
    chosen = [cell.params[name] for name in ("objectives", "weighting", "tune")]
    named = [str(v) for part in chosen if isinstance(part, dict) for v in part.values() if isinstance(v, str)]
    methods = [ROOT / "components" / "methods" / f"{name}.py" for name in sorted(set(named))]
    code += [sha256_file(path) for path in methods if path.exists()]
    return hashlib.sha256(json.dumps([cell.params, cell.what, code], sort_keys=True).encode()).hexdigest()


def _file(module: str) -> Path:
    return ROOT / Path(*module.split(".")).with_suffix(".py")


def _summary(name: str, pair: Mapping[str, object], seeds: list[int]) -> dict[str, object]:
    held = {
        cell: [read_json(path) for seed in seeds if (path := Cell(name, cell, seed, "", {}).path).exists()]
        for cell in pair["cells"]  # type: ignore[attr-defined]
    }
    held = {cell: runs for cell, runs in held.items() if runs}
    control, goal = str(pair["control"]), str(pair["goal"])
    cells = {
        cell: _row(cell, runs, held.get(control), held.get(goal), control) for cell, runs in held.items()
    }
    return {"control": control, "goal": goal, "cells": cells}


def _row(
    cell: str, runs: list[dict], control: list[dict] | None, goal: list[dict] | None, named: str
) -> dict:  # type: ignore[type-arg]
    scores = [run["target"]["balanced_accuracy"] for run in runs]
    row = {
        "seeds": len(runs),
        "balanced_accuracy": round(statistics.mean(scores), 4),
        "sd": round(statistics.stdev(scores), 4) if len(scores) > 1 else None,
        "accuracy": round(statistics.mean(run["target"]["accuracy"] for run in runs), 4),
        "n": len(runs[0]["target"]["targets"]),
        "seconds": min(run["seconds"] for run in runs),  # what else the machine did only adds
        "mib": round(max(run["mib"] for run in runs)),
        "trained": runs[0].get("trained"),
    }
    if runs[0].get("source"):
        row["source_balanced_accuracy"] = round(
            statistics.mean(run["source"]["balanced_accuracy"] for run in runs), 4
        )
    if control and cell != named:
        row["against"] = _paired(runs, control, "target")
        if runs[0].get("source"):
            row["source_against"] = _paired(runs, control, "source")
        if goal and goal is not control:
            plain = statistics.mean(run["target"]["balanced_accuracy"] for run in control)
            best = statistics.mean(run["target"]["balanced_accuracy"] for run in goal)
            gap = best - plain
            row["share_of_gap"] = round((row["balanced_accuracy"] - plain) / gap, 3) if gap > 0 else None
    return row


def _paired(one: list[dict], other: list[dict], place: str) -> list[float]:  # type: ignore[type-arg]
    """Mean difference in balanced accuracy and its interval: samples drawn anew, seeds averaged (both paired).

    Seeds with the same samples meet the same draws; with samples of their own, each has its own.
    """
    targets = [np.array(run[place]["targets"]) for run in one]
    gains = [_hits(mine, place) - _hits(theirs, place) for mine, theirs in zip(one, other, strict=False)]
    if all(np.array_equal(targets[0], found) for found in targets):
        targets, gains = targets[:1], [np.mean(gains, axis=0)]
    draw = np.random.default_rng(0)
    samples = [
        [gain[found == c] for c in np.unique(found)] for found, gain in zip(targets, gains, strict=False)
    ]
    drawn = [
        np.mean([[draw.choice(rows, len(rows)).mean() for rows in classes] for classes in samples])
        for _ in range(RESAMPLES)
    ]
    tail = (1 - CONFIDENCE) / 2
    mean = np.mean([[rows.mean() for rows in classes] for classes in samples])
    return [round(float(v), 4) for v in (mean, *np.quantile(drawn, [tail, 1 - tail]))]


def _hits(run: dict, place: str) -> npt.NDArray[np.float64]:  # type: ignore[type-arg]
    return (np.array(run[place]["decisions"]) == np.array(run[place]["targets"])).astype(np.float64)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


if __name__ == "__main__":
    main()
